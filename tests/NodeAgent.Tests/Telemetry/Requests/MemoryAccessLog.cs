using System.Text;
using Culvert.NodeAgent.Telemetry.Requests;

namespace Culvert.NodeAgent.Tests.Telemetry.Requests;

/// <summary>An access log that is read by a test.</summary>
internal sealed class MemoryAccessLog : IAccessLogSink
{
    private readonly StringBuilder _text = new();

    /// <summary>Whether writing fails.</summary>
    internal volatile bool Fails;

    /// <summary>Held by a test that wants nothing written meanwhile.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>The lines so far.</summary>
    internal string[] Lines
    {
        get
        {
            lock (_text) return _text.ToString().Split('\n')[..^1];
        }
    }

    public bool TryWrite(ReadOnlySpan<byte> lines)
    {
        lock (Gate)
        {
            if (Fails) return false;
        }

        lock (_text) _text.Append(Encoding.UTF8.GetString(lines));
        return true;
    }

    public void Dispose()
    {
    }
}
