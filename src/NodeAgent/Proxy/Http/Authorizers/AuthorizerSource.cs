using System.Buffers;
using Culvert.NodeAgent.Proxy.Http.OwnCalls;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>The asking side of a question to an external authorizer: has the question's body, and keeps the answer. Belongs to its loop's thread.</summary>
/// <param name="body">The question's body.</param>
/// <param name="most">Most bytes of the answer's.</param>
/// <param name="exchange">Knows the authorizer's side.</param>
internal sealed class AuthorizerSource(byte[] body, int most, IExchange exchange) : OwnSource(exchange)
{
    private readonly ArrayBufferWriter<byte> _answer = new();

    /// <summary>What has come of the answer's body.</summary>
    internal ReadOnlySpan<byte> Answer => _answer.WrittenSpan;

    /// <summary>Whether more has come than there may be.</summary>
    internal bool IsTooLong { get; private set; }

    /// <inheritdoc/>
    protected override ReadOnlySpan<byte> Body => body;

    /// <inheritdoc/>
    public override int Send(ReadOnlySpan<byte> data)
    {
        IsTooLong |= data.Length > most - _answer.WrittenCount;
        if (!IsTooLong) _answer.Write(data);
        return data.Length;
    }
}
