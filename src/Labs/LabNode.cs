using System.Net;

namespace Culvert.Labs;

/// <summary>A machine on the lab's link: a namespace that forwards for the pods attached to it.</summary>
public sealed class LabNode : LabNamespace
{
    /// <summary>Name of the interface towards the other machines.</summary>
    public const string Uplink = "eth0";

    private int _pods;

    internal LabNode(Lab lab, string name, int index)
        : base(lab, name, IPAddress.Parse($"10.90.0.{index}"), IPAddress.Parse($"fd90::{index:x}")) =>
        Index = index;

    /// <summary>Number of the machine on the link, from 1; the third octet of its pods' addresses.</summary>
    public int Index { get; }

    /// <summary>A BPF file system of its own; gone, with every pin in it, at the end of the lab.</summary>
    public string BpfFolder => Path.Combine(Folder, "bpf");

    /// <summary>Folder for what programs of this node write.</summary>
    public string Folder => Path.Combine(Lab.Folder, Name);

    /// <summary>The wire between it and the others; null when that is the lab's link itself.</summary>
    public LabWire? Wire { get; internal set; }

    internal int NextPod() => Interlocked.Increment(ref _pods);
}
