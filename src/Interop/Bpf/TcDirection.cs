namespace Culvert.Interop.Bpf;

/// <summary>Which packets of an interface a TC program sees.</summary>
public enum TcDirection
{
    /// <summary>Packets that the interface received. On the host side of a pod's veth: what the pod sends.</summary>
    Ingress,

    /// <summary>Packets that leave through the interface. On the host side of a pod's veth: what the pod receives.</summary>
    Egress,
}
