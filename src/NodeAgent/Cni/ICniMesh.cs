using Culvert.Core;
using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Cni;

/// <summary>What calls of the CNI plugin ask of the agent. Thread-safe.</summary>
internal interface ICniMesh
{
    /// <summary>The last snapshot that the controller has told and that is in force; version 0 before the first.</summary>
    NodeSnapshot Told { get; }

    /// <summary>What is captured.</summary>
    DatapathInForce InForce { get; }

    /// <summary>Completes with the next change of either. To be taken before they are looked at.</summary>
    Task NextChange { get; }

    /// <summary>Puts what was told into force again, with the attachments as they are now.</summary>
    /// <param name="isNeeded">Asked when nothing else is being put into force any more.</param>
    /// <param name="cancellationToken">Ends waiting for what is on its way.</param>
    /// <exception cref="IOException">The kernel has refused it; what was in force still is.</exception>
    Task RejoinAsync(Func<bool> isNeeded, CancellationToken cancellationToken);
}
