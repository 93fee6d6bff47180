namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>What is known of who has connected. Immutable.</summary>
/// <param name="Group">What it has in common with others of its pod: see <see cref="IWorkloadAttestor.GroupOf"/>.</param>
/// <param name="Caller">Who it is; null: nobody who has an identity here, or it is not known.</param>
/// <param name="IsKnown">Whether it could be found out.</param>
internal sealed record Attestation(string Group, AttestedCaller? Caller, bool IsKnown)
{
    /// <summary>It could not be found out, nor what it has in common with whom.</summary>
    internal static Attestation Unknown { get; } = new("", null, false);
}
