using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Culvert.GrpcHosting;

/// <summary>
/// The request's bytes as the package reads them: nothing if the call was refused, and until the call is interrupted. One read at a
/// time.
/// </summary>
internal sealed class LimitedRequest(LimitedCall call, PipeReader inner) : PipeReader, IRequestBodyPipeFeature
{
    public PipeReader Reader => this;

    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        call.ThrowIfRefused();
        using CancellationTokenSource? both = cancellationToken.CanBeCanceled && cancellationToken != call.Interrupted
            ? CancellationTokenSource.CreateLinkedTokenSource(call.Interrupted, cancellationToken)
            : null;
        try
        {
            return await inner.ReadAsync(both?.Token ?? call.Interrupted);
        }
        catch (Exception e) when (e is IOException || (e is OperationCanceledException && call.Interrupted.IsCancellationRequested))
        {
            throw call.ExplainRead(e);
        }
    }

    public override bool TryRead(out ReadResult result)
    {
        call.ThrowIfRefused();
        return inner.TryRead(out result);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    // With HTTP/2, Kestrel compares the length of the body with its limit here.
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        try
        {
            inner.AdvanceTo(consumed, examined);
        }
        catch (BadHttpRequestException e)
        {
            throw call.ExplainRead(e);
        }
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    /// <summary>Reads to the end of the stream and drops the data, also after an interruption.</summary>
    internal async Task SkipToEndAsync(CancellationToken cancellationToken)
    {
        bool isCompleted;
        do
        {
            ReadResult result = await inner.ReadAsync(cancellationToken);
            isCompleted = result.IsCompleted;
            inner.AdvanceTo(result.Buffer.End);
        }
        while (!isCompleted);
    }
}
