namespace Culvert.NodeAgent.Telemetry.Requests;

/// <summary>The access log on a stream, as standard output is one. Used by one thread.</summary>
internal sealed class AccessLogStream(Stream stream) : IAccessLogSink
{
    /// <inheritdoc/>
    public bool TryWrite(ReadOnlySpan<byte> lines)
    {
        try
        {
            stream.Write(lines);
            stream.Flush();
            return true;
        }
        catch (IOException)
        {
            return false; // whoever read it has gone
        }
    }

    /// <inheritdoc/>
    public void Dispose() => stream.Dispose();
}
