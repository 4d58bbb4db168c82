package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

type changes []types.PropertyChange

// control answers POST /ctl/{datastore,host,vm}. Objects are named by name or by moId. What a request changes
// of one object reaches the clients that wait as one update.
type control struct{ registry *simulator.Registry }

func register(model *simulator.Model) {
	c := control{model.Map()}
	for path, act := range map[string]func(url.Values) error{
		"/ctl/datastore": c.datastore, "/ctl/host": c.host, "/ctl/vm": c.vm,
	} {
		model.Service.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			err := r.ParseForm()
			if err == nil {
				err = act(r.Form)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
			}
		})
	}
}

// datastore: name, accessible, [host: else on all], [reason].
// The summary says accessible while any host reaches the datastore, as vCenter's does.
func (c control) datastore(form url.Values) error {
	accessible, err := strconv.ParseBool(form.Get("accessible"))
	if err != nil {
		return fmt.Errorf("accessible: %w", err)
	}
	found, err := c.find("Datastore", form.Get("name"))
	if err != nil {
		return err
	}
	var host mo.Entity
	if form.Has("host") {
		if host, err = c.find("HostSystem", form.Get("host")); err != nil {
			return err
		}
	}
	c.change(found, func() changes {
		mounts := slices.Clone(found.(*simulator.Datastore).Host)
		anywhere := false
		for i := range mounts {
			info := &mounts[i].MountInfo
			if host == nil || mounts[i].Key == host.Reference() {
				info.Accessible, info.InaccessibleReason = &accessible, form.Get("reason")
			}
			anywhere = anywhere || *info.Accessible
		}
		return changes{{Name: "host", Val: mounts}, {Name: "summary.accessible", Val: anywhere}}
	})
	return nil
}

// host: name, connection.
func (c control) host(form url.Values) error {
	found, err := c.find("HostSystem", form.Get("name"))
	if err != nil {
		return err
	}
	set, err := enumerated[types.HostSystemConnectionState](nil, form, "connection", "connectionState")
	if err != nil {
		return err
	}
	c.change(found, func() changes { return runtimeOf(set) })
	return nil
}

// vm: name, or on_host (every VM there), [connection], [power], [boot_time: RFC 3339, or empty to clear it],
// [host: where it runs from now on].
func (c control) vm(form url.Values) error {
	set, err := enumerated[types.VirtualMachineConnectionState](nil, form, "connection", "connectionState")
	if err != nil {
		return err
	}
	if set, err = enumerated[types.VirtualMachinePowerState](set, form, "power", "powerState"); err != nil {
		return err
	}
	if text := form.Get("boot_time"); text != "" {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return fmt.Errorf("boot_time: %w", err)
		}
		set = append(set, types.PropertyChange{Name: "bootTime", Val: at})
	} else if form.Has("boot_time") {
		set = append(set, types.PropertyChange{Name: "bootTime"})
	}
	var host mo.Entity
	if form.Has("host") {
		if host, err = c.find("HostSystem", form.Get("host")); err != nil {
			return err
		}
		set = append(set, types.PropertyChange{Name: "host", Val: host.Reference()})
	}
	vms, err := c.vms(form)
	for _, vm := range vms {
		if host != nil {
			c.move(vm, host.(*simulator.HostSystem))
		}
		c.change(vm, func() changes { return runtimeOf(set) })
	}
	return err
}

// vms are the VMs that the form names.
func (c control) vms(form url.Values) ([]*simulator.VirtualMachine, error) {
	if !form.Has("on_host") {
		found, err := c.find("VirtualMachine", form.Get("name"))
		if err != nil {
			return nil, err
		}
		return []*simulator.VirtualMachine{found.(*simulator.VirtualMachine)}, nil
	}
	found, err := c.find("HostSystem", form.Get("on_host"))
	if err != nil {
		return nil, err
	}
	var refs []types.ManagedObjectReference
	host := found.(*simulator.HostSystem)
	c.registry.WithLock(c.context(), host, func() { refs = slices.Clone(host.Vm) })
	var vms []*simulator.VirtualMachine
	for _, ref := range refs {
		vms = append(vms, c.registry.Get(ref).(*simulator.VirtualMachine))
	}
	return vms, nil
}

// move keeps the hosts' own lists of VMs in step.
func (c control) move(vm *simulator.VirtualMachine, to *simulator.HostSystem) {
	ctx := c.context()
	from := c.registry.Get(*vm.Runtime.Host).(*simulator.HostSystem)
	c.registry.RemoveReference(ctx, from, &from.Vm, vm.Self)
	c.registry.AddReference(ctx, to, &to.Vm, vm.Self)
}

// find is the object of a kind that has a name or a moId.
func (c control) find(kind, name string) (mo.Entity, error) {
	for _, obj := range c.registry.All(kind) {
		if obj.Entity().Name == name || obj.Reference().Value == name {
			return obj, nil
		}
	}
	return nil, fmt.Errorf("no %s %q", kind, name)
}

func (c control) change(obj mo.Reference, compute func() changes) {
	ctx := c.context()
	c.registry.WithLock(ctx, obj, func() { ctx.Update(obj, compute()) })
}

// context is a new holder of locks.
func (c control) context() *simulator.Context {
	ctx := simulator.NewContext()
	ctx.Map = c.registry
	return ctx
}

// enumerated appends the change of a property to the form's value, if it gives one.
func enumerated[T interface {
	~string
	Values() []T
}](set changes, form url.Values, key, property string) (changes, error) {
	value := T(form.Get(key))
	if form.Has(key) && !slices.Contains(value.Values(), value) {
		return nil, fmt.Errorf("%s: %q is none of %v", key, value, value.Values())
	} else if form.Has(key) {
		set = append(set, types.PropertyChange{Name: property, Val: value})
	}
	return set, nil
}

// runtimeOf places changes at both copies of an object's runtime info.
func runtimeOf(set changes) changes {
	var both changes
	for _, c := range set {
		for _, prefix := range []string{"runtime.", "summary.runtime."} {
			both = append(both, types.PropertyChange{Name: prefix + c.Name, Val: c.Val})
		}
	}
	return both
}
