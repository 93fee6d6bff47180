namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>What is known of who has connected. Immutable.</summary>
/// <param name="Caller">Who it is; null: nobody who has an identity here, or it is not known.</param>
/// <param name="IsKnown">Whether it could be found out.</param>
internal sealed record Attestation(AttestedCaller? Caller, bool IsKnown)
{
    /// <summary>It could not be found out.</summary>
    internal static Attestation Unknown { get; } = new(null, false);

    /// <summary>The workload; empty: none.</summary>
    internal string Uid => Caller?.Uid ?? "";
}
