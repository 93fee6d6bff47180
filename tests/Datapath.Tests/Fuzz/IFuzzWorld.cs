using System.Diagnostics;
using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Fuzz;

/// <summary>A world of random content that is in the maps, and that says which flows may be without knowing how the programs come to their verdicts.</summary>
internal interface IFuzzWorld
{
    /// <summary>Its number.</summary>
    uint Generation { get; }

    /// <summary>Every address that packets may have.</summary>
    IReadOnlyList<IPAddress> Addresses { get; }

    /// <summary>Every port that they may have.</summary>
    IReadOnlyList<ushort> Ports { get; }

    /// <summary>The pod that has an address; null when none has.</summary>
    Workload? PodAt(IPAddress address);

    /// <summary>What is wrong with a flow that is let through in this world; null when nothing is.</summary>
    /// <param name="flow">The entry of the direction in which it began.</param>
    /// <param name="space">Where it was seen: on the node, or in a pod's own network namespace.</param>
    /// <param name="from">Where it comes from.</param>
    /// <param name="addressed">Where its sender sends it.</param>
    /// <param name="to">Where it ends: the same, or the backend of the Service that is there.</param>
    /// <param name="protocol">TCP or UDP.</param>
    string? FindFault(in CvFlow flow, ushort space, IPEndPoint from, IPEndPoint addressed, IPEndPoint to, byte protocol);

    /// <summary>What is wrong with a datagram's going to a backend in the place of what was asked, in this world; null when nothing is.</summary>
    /// <param name="from">The pod that asks.</param>
    /// <param name="asked">What it asks.</param>
    /// <param name="backend">Where its datagrams go.</param>
    string? FindDrawFault(Workload from, IPEndPoint asked, IPEndPoint backend);

    /// <summary>Nanoseconds as the programs tell time.</summary>
    static long KernelTime() => (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));
}
