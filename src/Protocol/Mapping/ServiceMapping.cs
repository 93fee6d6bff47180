using System.Net;
using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Services between model and wire.</summary>
public static class ServiceMapping
{
    /// <summary>The wire form of a service.</summary>
    public static Wire.Service ToWire(this ServiceInfo service)
    {
        var wire = new Wire.Service { Namespace = service.Name.Namespace, Name = service.Name.Name, NodeLocal = service.IsNodeLocal };
        foreach (IPAddress vip in service.Vips) wire.Vips.Add(vip.ToWire());
        foreach (ServicePort port in service.Ports)
        {
            var wirePort = new Wire.ServicePort
            {
                Name = port.Name,
                Port = port.Port,
                TargetPort = port.TargetPort,
                Protocol = (Wire.TransportProtocol)port.Protocol,
                AppProtocol = port.AppProtocol ?? "",
                LoadBalancing = port.LoadBalancing.ToWire(),
                Requests = port.Requests?.ToWire(),
            };
            foreach (ServiceBackend b in port.Backends)
                wirePort.Backends.Add(new Wire.Backend { WorkloadUid = b.WorkloadUid ?? "", Address = b.Address.ToWire(), Port = b.Port, Weight = b.Weight, IsNear = b.IsNear });
            wire.Ports.Add(wirePort);
        }
        return wire;
    }

    /// <summary>The model of a service.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    public static ServiceInfo ToModel(this Wire.Service service) => new()
    {
        Name = FieldMapping.ToName(service.Namespace, service.Name),
        Vips = service.Vips.ToAddresses("vips"),
        IsNodeLocal = service.NodeLocal,
        Ports = service.Ports.Select(ToModel).ToEquatableArray(),
    };

    private static ServicePort ToModel(Wire.ServicePort port) => new()
    {
        Name = port.Name,
        Port = port.Port.ToPort("port"),
        TargetPort = port.TargetPort <= ushort.MaxValue ? (ushort)port.TargetPort : throw new FormatException($"target_port is {port.TargetPort}"),
        Protocol = port.Protocol.ToModel(),
        AppProtocol = port.AppProtocol.NullIfEmpty(),
        LoadBalancing = port.LoadBalancing.ToModel(),
        Requests = port.Requests?.ToModel(),
        Backends = port.Backends.Select(ToModel).ToEquatableArray(),
    };

    private static ServiceBackend ToModel(Wire.Backend backend) => new(
        backend.WorkloadUid.NullIfEmpty(),
        backend.Address.ToAddress("backends.address"),
        backend.Port.ToPort("backends.port"),
        backend.Weight <= ushort.MaxValue ? (ushort)backend.Weight : throw new FormatException($"weight is {backend.Weight}; 0..65535 is allowed"))
    {
        IsNear = backend.IsNear,
    };
}
