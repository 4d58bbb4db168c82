package main

import (
	"fmt"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// populate creates VMs and switches them on, so many in each cluster and on each standalone host, in turn on
// its hosts and datastores. (The model's own VMs sit on random hosts, all on one datastore, and take 40 ms each,
// most of it spent waiting for the simulator's own ticks.)
func populate(model *simulator.Model, machines int) error {
	for _, dc := range model.Map().All("Datacenter") {
		dc := dc.(*simulator.Datacenter)
		p := population{ctx: model.Service.Context, datastores: dc.Datastore}
		p.folder = p.ctx.Map.Get(dc.VmFolder).(*simulator.Folder)
		for _, child := range p.ctx.Map.Get(dc.HostFolder).(*simulator.Folder).ChildEntity {
			var err error
			switch compute := p.ctx.Map.Get(child).(type) {
			case *simulator.ClusterComputeResource:
				err = p.add(machines, compute.Name+"_RP0", compute.ComputeResource)
			case *mo.ComputeResource:
				err = p.add(machines, compute.Name, *compute)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// population is what the VMs of one datacenter share.
type population struct {
	ctx        *simulator.Context
	folder     *simulator.Folder
	datastores []types.ManagedObjectReference
}

func (p population) add(machines int, prefix string, compute mo.ComputeResource) error {
	var creating, starting []types.ManagedObjectReference
	for i := range machines {
		datastore := p.ctx.Map.Get(p.datastores[i%len(p.datastores)]).(*simulator.Datastore)
		config, err := p.config(fmt.Sprintf("%s_VM%d", prefix, i), datastore, compute)
		if err != nil {
			return err
		}
		created := p.folder.CreateVMTask(p.fresh(), &types.CreateVM_Task{
			This: p.folder.Self, Config: config, Pool: *compute.ResourcePool, Host: &compute.Host[i%len(compute.Host)],
		})
		creating = append(creating, created.(*methods.CreateVM_TaskBody).Res.Returnval)
	}
	for _, task := range creating {
		result, err := p.wait(task)
		if err != nil {
			return err
		}
		vm := p.ctx.Map.Get(result.(types.ManagedObjectReference)).(*simulator.VirtualMachine)
		started := vm.PowerOnVMTask(p.fresh(), &types.PowerOnVM_Task{This: vm.Self})
		starting = append(starting, started.(*methods.PowerOnVM_TaskBody).Res.Returnval)
	}
	for _, task := range starting {
		if _, err := p.wait(task); err != nil {
			return err
		}
	}
	return nil
}

// fresh is a context of its own for a task, which runs beside its caller and keeps its object locked meanwhile.
func (p population) fresh() *simulator.Context {
	ctx := *p.ctx
	return &ctx
}

// config describes a VM with one disk and one card.
func (p population) config(
	name string, datastore *simulator.Datastore, compute mo.ComputeResource,
) (types.VirtualMachineConfigSpec, error) {
	path := "[" + datastore.Name + "]"
	var devices object.VirtualDeviceList
	scsi, err := devices.CreateSCSIController("pvscsi")
	if err != nil {
		return types.VirtualMachineConfigSpec{}, err
	}
	disk := devices.CreateDisk(
		scsi.(types.BaseVirtualController), datastore.Self, fmt.Sprintf("%s %s/disk1.vmdk", path, name))
	disk.CapacityInKB = 10 << 20
	devices = append(devices, scsi, disk)
	for _, network := range compute.Network {
		if group, ok := p.ctx.Map.Get(network).(*simulator.DistributedVirtualPortgroup); ok {
			devices = append(devices, p.card(group))
			break
		}
	}
	changes, err := devices.ConfigSpec(types.VirtualDeviceConfigSpecOperationAdd)
	return types.VirtualMachineConfigSpec{
		Name:         name,
		GuestId:      string(types.VirtualMachineGuestOsIdentifierOtherGuest),
		Files:        &types.VirtualMachineFileInfo{VmPathName: path},
		DeviceChange: changes,
	}, err
}

// card is a network card in a port group.
func (p population) card(group *simulator.DistributedVirtualPortgroup) *types.VirtualVmxnet3 {
	dvs := p.ctx.Map.Get(*group.Config.DistributedVirtualSwitch).(*simulator.DistributedVirtualSwitch)
	port := types.DistributedVirtualSwitchPortConnection{PortgroupKey: group.Key, SwitchUuid: dvs.Uuid}
	card := new(types.VirtualVmxnet3)
	card.Key = -1
	card.Backing = &types.VirtualEthernetCardDistributedVirtualPortBackingInfo{Port: port}
	return card
}

func (p population) wait(ref types.ManagedObjectReference) (types.AnyType, error) {
	task := p.ctx.Map.Get(ref).(*simulator.Task)
	task.Wait()
	if fault := task.Info.Error; fault != nil {
		return nil, fmt.Errorf("%s: %T", task.Info.DescriptionId, fault.Fault)
	}
	return task.Info.Result, nil
}
