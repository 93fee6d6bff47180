namespace Culvert.Controller.Attestation;

/// <summary>Takes join tokens, and service account tokens besides: of a machine outside the cluster the one, of a node of it the other.</summary>
internal sealed class TokenAttestor(INodeAttestor joinTokens, INodeAttestor serviceAccounts) : INodeAttestor
{
    public Task<string> VerifyAsync(NodeEvidence evidence, CancellationToken cancellationToken) => For(evidence).VerifyAsync(evidence, cancellationToken);

    public Task ConsumeAsync(NodeEvidence evidence, CancellationToken cancellationToken) => For(evidence).ConsumeAsync(evidence, cancellationToken);

    // A JSON web token has two full stops (RFC 7515, 3.1); a join token is hexadecimal digits.
    private INodeAttestor For(NodeEvidence evidence) => evidence.Token.Contains('.', StringComparison.Ordinal) ? serviceAccounts : joinTokens;
}
