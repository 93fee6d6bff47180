namespace Culvert.Controller.Attestation;

/// <summary>Says which node somebody is who has no certificate yet. Implementations are safe for any number of threads.</summary>
/// <remarks>
/// In two steps, because evidence can be good for one use only: it is looked at first, then all else is checked that may have the node come again later, and only then it
/// is used up.
/// </remarks>
public interface INodeAttestor
{
    /// <summary>Looks at evidence without using it up.</summary>
    /// <returns>The name of the node that it proves.</returns>
    /// <exception cref="AttestationException">It proves none, or that can't be told now.</exception>
    Task<string> VerifyAsync(NodeEvidence evidence, CancellationToken cancellationToken);

    /// <summary>Uses evidence up that was verified, where it is good for one use only; of several callers with the same one succeeds.</summary>
    /// <exception cref="AttestationException">It is not good any more, or that can't be told now.</exception>
    Task ConsumeAsync(NodeEvidence evidence, CancellationToken cancellationToken);
}
