using System.Buffers;
using System.IO.Pipelines;

namespace Culvert.Kubernetes.Watches;

/// <summary>Cuts a stream into lines of bounded length. What is read is valid until the next is asked for.</summary>
internal sealed class LineReader(Stream stream, int longest) : IAsyncDisposable
{
    private readonly PipeReader _reader = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 64 << 10, leaveOpen: true));
    private ReadOnlySequence<byte> _buffer;
    private bool _hasBuffer;

    /// <summary>The next line without its end; null at the end of the stream. What stands after the last end of a line is no line: it was cut off.</summary>
    /// <exception cref="InvalidDataException">It is too long.</exception>
    public async ValueTask<ReadOnlySequence<byte>?> ReadAsync(CancellationToken cancellationToken)
    {
        bool isCompleted = false;
        while (true)
        {
            if (_hasBuffer)
            {
                if (_buffer.PositionOf((byte)'\n') is { } end)
                {
                    ReadOnlySequence<byte> line = _buffer.Slice(0, end);
                    _buffer = _buffer.Slice(_buffer.GetPosition(1, end));
                    return line.Length <= longest ? line : throw TooLong();
                }
                if (_buffer.Length > longest) throw TooLong();
                _reader.AdvanceTo(_buffer.Start, _buffer.End);
                _hasBuffer = false;
            }
            if (isCompleted) return null;
            ReadResult result = await _reader.ReadAsync(cancellationToken);
            (_buffer, _hasBuffer, isCompleted) = (result.Buffer, true, result.IsCompleted);
        }
    }

    public async ValueTask DisposeAsync() => await _reader.CompleteAsync();

    private InvalidDataException TooLong() => new($"an event has more than {longest} bytes");
}
