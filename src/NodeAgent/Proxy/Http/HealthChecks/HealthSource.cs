using Culvert.NodeAgent.Proxy.Http.OwnCalls;

namespace Culvert.NodeAgent.Proxy.Http.HealthChecks;

/// <summary>The asking side of a health check: has the question's body, and keeps no more than the beginning of the answer's. Belongs to its loop's thread.</summary>
/// <param name="body">The question's body.</param>
/// <param name="most">Most bytes of the answer's.</param>
/// <param name="tooLong">Called when more has come.</param>
/// <param name="exchange">Knows the backend's side.</param>
internal sealed class HealthSource(byte[] body, int most, Action tooLong, IExchange exchange) : OwnSource(exchange)
{
    // An answer of gRPC is shorter by far.
    private readonly byte[] _answer = new byte[64];
    private long _received;

    /// <summary>What is kept of the answer's body; empty where that is not all of it.</summary>
    internal ReadOnlySpan<byte> Answer => _received > _answer.Length ? [] : _answer.AsSpan(0, (int)_received);

    /// <summary>Whether more has come than there may be.</summary>
    internal bool IsTooLong => _received > most;

    /// <inheritdoc/>
    protected override ReadOnlySpan<byte> Body => body;

    /// <inheritdoc/>
    public override int Send(ReadOnlySpan<byte> data)
    {
        bool wasTooLong = IsTooLong;
        if (_received + data.Length <= _answer.Length) data.CopyTo(_answer.AsSpan((int)_received));
        _received += data.Length;
        if (IsTooLong && !wasTooLong) tooLong();
        return data.Length;
    }
}
