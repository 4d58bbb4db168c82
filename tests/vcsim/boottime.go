package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// bootTimes gives VMs their runtime.bootTime: govmomi v0.56.0 keeps the one in summary.runtime only.
type bootTimes struct{}

// watch starts it for the VMs that run and for what is switched on and off from now on.
func (b bootTimes) watch(model *simulator.Model) {
	ctx := model.Service.Context
	for _, vm := range model.Map().All("VirtualMachine") {
		vm := vm.(*simulator.VirtualMachine)
		if at := vm.Summary.Runtime.BootTime; at != nil {
			ctx.Update(vm, changes{{Name: "runtime.bootTime", Val: *at}})
		}
	}
	model.Map().AddHandler(b)
}

// UpdateObject copies a change of the summary that comes without the other.
func (bootTimes) UpdateObject(ctx *simulator.Context, obj mo.Reference, set []types.PropertyChange) {
	var copied changes
	for _, c := range set {
		switch c.Name {
		case "summary.runtime.bootTime":
			if obj.Reference().Type == "VirtualMachine" {
				copied = changes{{Name: "runtime.bootTime", Val: c.Val}}
			}
		case "runtime.bootTime":
			return
		}
	}
	if copied != nil {
		ctx.Update(obj, copied)
	}
}

func (bootTimes) Reference() types.ManagedObjectReference {
	return types.ManagedObjectReference{Type: "BootTimes", Value: "boot-times"}
}
func (bootTimes) PutObject(*simulator.Context, mo.Reference) {}

func (bootTimes) RemoveObject(*simulator.Context, types.ManagedObjectReference) {}
