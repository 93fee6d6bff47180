using System.Buffers;
using System.IO.Pipelines;

namespace Culvert.Controller.Hosting;

/// <summary>The input of a connection that may send so much in all and no more: frames that cost their sender nothing cost whoever reads them time. For one reader, as all pipes.</summary>
/// <param name="input">What comes.</param>
/// <param name="most">Most bytes that are read of it.</param>
/// <param name="exceeded">Called once, when there are more; reads end then.</param>
internal sealed class BoundedInput(PipeReader input, long most, Action exceeded) : PipeReader
{
    private ReadOnlySequence<byte> _seen;
    private long _consumed;
    private bool _isOver;

    /// <inheritdoc/>
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        _isOver ? Ended() : Bound(await input.ReadAsync(cancellationToken));

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        if (_isOver)
        {
            result = Ended();
            return true;
        }

        if (!input.TryRead(out result)) return false;
        result = Bound(result);
        return true;
    }

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (_isOver) return;
        _consumed += _seen.Slice(0, consumed).Length;
        input.AdvanceTo(consumed, examined);
    }

    /// <inheritdoc/>
    public override void CancelPendingRead() => input.CancelPendingRead();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null) => input.Complete(exception);

    private static ReadResult Ended() => new(ReadOnlySequence<byte>.Empty, isCanceled: false, isCompleted: true);

    private ReadResult Bound(ReadResult result)
    {
        _seen = result.Buffer;
        if (_consumed + _seen.Length <= most) return result;
        input.AdvanceTo(_seen.Start);
        _isOver = true;
        exceeded();
        return Ended();
    }
}
