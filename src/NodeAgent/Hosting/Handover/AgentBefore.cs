using System.Net.Sockets;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting.Handover;

/// <summary>The agent that has run before this one and carries its connections still: it has let go of all else.</summary>
internal sealed class AgentBefore : IDisposable
{
    // Its servers answer what they were asked, for a second or two each at most.
    private static readonly TimeSpan LongestLettingGo = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LongestStep = TimeSpan.FromSeconds(2);
    private readonly Socket _socket;
    private readonly ILogger _logger;

    private AgentBefore(Socket socket, ILogger logger) => (_socket, _logger) = (socket, logger);

    /// <summary>Has the agent that runs let go of the node.</summary>
    /// <returns>Null when none runs.</returns>
    /// <exception cref="AgentStartException">It did not let go.</exception>
    internal static async Task<AgentBefore?> BeginAsync(AgentOptions options, ILogger logger, CancellationToken cancellationToken)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(options.HandoverSocket), cancellationToken);
            AgentLog.TakingOver(logger);
            await HandoverWire.SendAsync(socket, HandoverStep.TakeOver, cancellationToken);
        }
        catch (SocketException)
        {
            // Nobody listens there, or nobody who is there yet: whether the node is free, its locks say.
            socket.Dispose();
            return null;
        }

        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(LongestLettingGo);
        if (await HandoverWire.ReceiveAsync(socket, limit.Token) == HandoverStep.Yours) return new(socket, logger);
        socket.Dispose();
        cancellationToken.ThrowIfCancellationRequested();
        throw new AgentStartException($"--take-over at {options.HandoverSocket}", $"the agent that runs has ended, or has not let go of the node within {LongestLettingGo.TotalSeconds} s", "its log says more; start this one again");
    }

    /// <summary>What is proxied is about to come here: has the other one give up the datagrams of pods, which can't be both's.</summary>
    internal void Announce() => Try(() =>
    {
        _socket.Send([(byte)HandoverStep.Ready]);
        _socket.ReceiveTimeout = (int)LongestStep.TotalMilliseconds;
        Span<byte> answer = stackalloc byte[1];
        if (_socket.Receive(answer) != 1 || answer[0] != (byte)HandoverStep.Go) AgentLog.BeforeIsGone(_logger, "it has ended");
    });

    /// <summary>It does come here.</summary>
    internal void Finish() => Try(() => _socket.Send([(byte)HandoverStep.Done]));

    /// <summary>Waits for the end of the other one.</summary>
    internal async Task EndedAsync(CancellationToken cancellationToken)
    {
        // An answer that came late may be on its way still.
        while (await HandoverWire.ReceiveAsync(_socket, cancellationToken) is not null)
        {
        }

        cancellationToken.ThrowIfCancellationRequested();
    }

    public void Dispose() => _socket.Dispose();

    // One that is gone hands nothing over, and is in nobody's way.
    private void Try(Action step)
    {
        try
        {
            step();
        }
        catch (SocketException exception)
        {
            AgentLog.BeforeIsGone(_logger, exception.Message);
        }
    }
}
