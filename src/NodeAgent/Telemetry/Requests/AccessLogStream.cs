namespace Culvert.NodeAgent.Telemetry.Requests;

/// <summary>The access log on a stream, as standard output is one. Used by one thread.</summary>
/// <remarks>A pipe takes up to 4,096 bytes in one piece (pipe(7)): so lines of others who write to it do not get into the middle of these.</remarks>
internal sealed class AccessLogStream(Stream stream) : IAccessLogSink
{
    private const int MostInOnePiece = 4096;

    /// <inheritdoc/>
    public bool TryWrite(ReadOnlySpan<byte> lines)
    {
        try
        {
            while (!lines.IsEmpty)
            {
                int length = LengthOfPiece(lines);
                stream.Write(lines[..length]);
                lines = lines[length..];
            }

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

    // Whole lines: as many as go in one piece, or one that is longer.
    private static int LengthOfPiece(ReadOnlySpan<byte> lines)
    {
        if (lines.Length <= MostInOnePiece) return lines.Length;
        int end = lines[..MostInOnePiece].LastIndexOf((byte)'\n');
        return 1 + (end >= 0 ? end : lines.IndexOf((byte)'\n'));
    }
}
