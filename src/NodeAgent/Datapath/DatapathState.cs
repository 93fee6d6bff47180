using System.Collections.Immutable;
using System.Net;
using Culvert.Core;

namespace Culvert.NodeAgent.Datapath;

/// <summary>What the datapath holds at one time. Immutable; replaced whole by the reconciler.</summary>
internal sealed record DatapathInForce
{
    /// <summary>The generation in force.</summary>
    internal uint Generation { get; init; }

    /// <summary>False when a snapshot failed half-way and the one before could not be put back entirely.</summary>
    internal bool IsWhole { get; init; } = true;

    /// <summary>Its entries.</summary>
    internal GenerationSize Size { get; init; }

    /// <summary>Workloads whose packets are captured.</summary>
    internal ImmutableArray<LocalEndpoint> Endpoints { get; init; } = [];

    /// <summary>What policies say for which there was no room.</summary>
    internal ImmutableArray<ClosedPolicy> Closed { get; init; } = [];

    /// <summary>Uid and reason of the workloads of this node that are not captured.</summary>
    internal ImmutableDictionary<string, string> NotCaptured { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Those of them that are not to be in the mesh, see <see cref="LinkPlan.Refused"/>.</summary>
    internal ImmutableHashSet<string> Refused { get; init; } = [];

    /// <summary>Uid and reason of the members that stay guarded and whose packets do not get through: refused at an interface of <see cref="Quarantined"/>, or captured and not delivered.</summary>
    internal ImmutableDictionary<string, string> Blocked { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Interfaces of such workloads, and of pods that are gone from the cluster, whose programs stay, see <see cref="LinkPlan.Quarantined"/>.</summary>
    internal ImmutableArray<InterfaceOwner> Quarantined { get; init; } = [];

    /// <summary>The node's own addresses.</summary>
    internal ImmutableHashSet<IPAddress> NodeAddresses { get; init; } = [];

    /// <summary>Interface indexes of the uplinks.</summary>
    internal ImmutableHashSet<int> Uplinks { get; init; } = [];

    /// <summary>Interface indexes of the host's ends of pods that are captured inside, see <see cref="LinkPlan.HostEnds"/>.</summary>
    internal ImmutableHashSet<int> HostEnds { get; init; } = [];

    /// <summary>Policy and rule index by the rule ids that the kernel reports.</summary>
    internal IReadOnlyDictionary<uint, (PolicyReference Policy, int Rule)> Rules { get; init; } = ImmutableDictionary<uint, (PolicyReference, int)>.Empty;
}

/// <summary>A place for <see cref="DatapathInForce"/> that several threads read and the reconciler writes.</summary>
internal sealed class DatapathState
{
    private volatile DatapathInForce _current = new();

    /// <summary>Raised after <see cref="Current"/> has been replaced, on the reconciler's thread.</summary>
    internal event Action? Changed;

    internal DatapathInForce Current
    {
        get => _current;
        set
        {
            _current = value;
            Changed?.Invoke();
        }
    }

    internal GenerationSize Size => _current.Size;

    /// <summary>Whether an address is one of the node itself. Thread-safe.</summary>
    internal bool IsNodeAddress(IPAddress address) => _current.NodeAddresses.Contains(address);
}
