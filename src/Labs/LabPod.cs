using System.Net;

namespace Culvert.Labs;

/// <summary>A pod: a namespace with one interface, whose other end lies in its node.</summary>
public sealed class LabPod : LabNamespace
{
    internal LabPod(LabNode node, string name, int index)
        : base(node.Lab, name, IPAddress.Parse($"10.91.{node.Index}.{index}"), IPAddress.Parse($"fd91:{node.Index:x}::{index:x}"))
    {
        Node = node;
        HostInterface = "cv" + name;
        Mac = $"0a:91:00:00:{node.Index:x2}:{index:x2}";
        HostMac = $"0e:91:00:00:{node.Index:x2}:{index:x2}";
    }

    /// <summary>The node it runs on.</summary>
    public LabNode Node { get; }

    /// <summary>Name of its interface's end in the node.</summary>
    public string HostInterface { get; }

    /// <summary>Hardware address of its interface.</summary>
    public string Mac { get; }

    /// <summary>Hardware address of the interface's end in the node.</summary>
    public string HostMac { get; }
}
