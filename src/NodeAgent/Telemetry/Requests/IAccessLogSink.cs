namespace Culvert.NodeAgent.Telemetry.Requests;

/// <summary>Takes lines of the access log. Used by one thread.</summary>
internal interface IAccessLogSink : IDisposable
{
    /// <summary>Writes whole lines; may block.</summary>
    /// <returns>False when they could not be written; the next may be.</returns>
    bool TryWrite(ReadOnlySpan<byte> lines);
}
