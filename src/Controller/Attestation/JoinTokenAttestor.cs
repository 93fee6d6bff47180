namespace Culvert.Controller.Attestation;

/// <summary>Attests by join tokens: each is for one node and one use.</summary>
internal sealed class JoinTokenAttestor(JoinTokenStore tokens) : INodeAttestor
{
    // The disk may be full or slow for a moment.
    private static readonly TimeSpan DiskRetry = TimeSpan.FromSeconds(5);

    public Task<string> VerifyAsync(NodeEvidence evidence, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Accept(() => tokens.Look(evidence.Token, evidence.Node));
        return Task.FromResult(evidence.Node);
    }

    public Task ConsumeAsync(NodeEvidence evidence, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Accept(() => tokens.Redeem(evidence.Token, evidence.Node));
        return Task.CompletedTask;
    }

    private static void Accept(Func<AttestationFailure?> ask)
    {
        AttestationFailure? failure;
        try
        {
            failure = ask();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AttestationException(AttestationFailure.Unavailable, "the controller can't read its join tokens now", e) { RetryAfter = DiskRetry };
        }
        if (failure is { } reason) throw new AttestationException(reason, Text(reason));
    }

    private static string Text(AttestationFailure reason) => reason switch
    {
        AttestationFailure.Expired => "the join token has expired",
        AttestationFailure.OtherNode => "the join token is for another node",
        _ => "the join token is not known, or was used already",
    };
}
