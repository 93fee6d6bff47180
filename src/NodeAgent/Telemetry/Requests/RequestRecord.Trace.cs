using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Telemetry.Tracing;

namespace Culvert.NodeAgent.Telemetry.Requests;

/// <content>The trace that it belongs to.</content>
internal sealed partial class RequestRecord
{
    /// <summary>Most tries that have a span each; of more the last one's span is that of all further ones.</summary>
    internal const int MostTries = 16;

    private RequestTry[] _tries = new RequestTry[1];
    private TraceForms _forms;
    private TraceContext _context; // of the span before
    private int _answered; // with what the try that runs was, if that is not passed on

    /// <summary>The trace, and the span that the request came by; no trace: it belongs to none.</summary>
    internal TraceContext Trace => _context;

    /// <summary>Whether spans of it are recorded.</summary>
    internal bool IsSampled { get; private set; }

    /// <summary>Its tries, hedges included; there is one at least.</summary>
    internal ReadOnlySpan<RequestTry> Tries => _tries.AsSpan(0, TryCount);

    /// <summary>Which of them runs, or was answered: the last, or a hedge that has won.</summary>
    internal int Current { get; private set; }

    private int TryCount { get; set; }

    private ref RequestTry Running => ref _tries[Current];

    /// <inheritdoc/>
    public HeaderList ForServer(HeaderList head) => ForServer(head, Current);

    /// <inheritdoc/>
    public HeaderList ForServer(HeaderList head, int hedge)
    {
        if (Settings is not { IsTracing: true }) return head;
        TraceHeaders.Write(head, _forms, _context with { Span = _tries[hedge].Span, IsSampled = IsSampled }, _context.Span, home.ForServer);
        return home.ForServer;
    }

    /// <inheritdoc/>
    public void OnNotTaken(int status) => _answered = status;

    /// <inheritdoc/>
    public int OnHedge(in SocketEndPoint target)
    {
        Retries++;
        return TryCount == MostTries ? TryCount - 1 : Add(target);
    }

    /// <inheritdoc/>
    public void OnHedgeFailed(int hedge, int status) => EndTry(hedge, status, isLost: false);

    /// <inheritdoc/>
    public void OnHedgeLost(int hedge) => EndTry(hedge, status: 0, isLost: true);

    /// <inheritdoc/>
    public void OnTryFailed(int status) => EndTry(Current, status, isLost: false);

    /// <inheritdoc/>
    public void OnHedgeWon(int hedge)
    {
        EndTry(Current, status: 0, isLost: true);
        (Current, Target) = (hedge, _tries[hedge].Target ?? Target);
    }

    // What the request says counts; where it says nothing a trace begins with it.
    private void BeginTrace(HeaderList request, RequestSettings settings, Random random)
    {
        (_forms, TryCount, Current, _answered, IsSampled) = (TraceHeaders.Read(request, out _context), 1, 0, 0, false);
        if (!settings.IsTracing)
        {
            Running = default;
            return;
        }

        IsSampled = _context.IsSampled ?? settings.IsTraceDrawn(random);
        if (!_context.HasTrace) _context = _context with { High = IdOf(random), Low = IdOf(random), Span = 0 };
        Running = new RequestTry(IdOf(random), null, TimeSpan.Zero, TimeSpan.Zero, 0);
    }

    // The first try has begun with the request.
    private void BeginTry(in SocketEndPoint target, bool isFirst)
    {
        if (isFirst || TryCount == MostTries)
        {
            Running = Running with { Target = target };
            return;
        }

        EndTry(Current, _answered, isLost: false);
        _answered = 0;
        Current = Add(target);
    }

    private int Add(in SocketEndPoint target)
    {
        if (TryCount == _tries.Length) Array.Resize(ref _tries, TryCount * 2);
        _tries[TryCount++] = new RequestTry(Settings!.IsTracing ? IdOf(home.Random) : 0, target, home.Elapsed(_began), TimeSpan.Zero, 0);
        return TryCount - 1;
    }

    private void EndTry(int index, int status, bool isLost)
    {
        ref RequestTry ended = ref _tries[index];
        if (!ended.IsOver) ended = ended with { Ended = home.Elapsed(_began), Status = status, IsOver = true, IsLost = isLost };
    }

    // With the answer, even where the try is over, as that of a request whose last try has failed: its client has got one.
    private void EndTrace() => Running = Running with { Ended = Duration > Running.Began ? Duration : Running.Began, Status = Status };

    private static ulong IdOf(Random random) => (ulong)random.NextInt64(1, long.MaxValue) << 1 | (uint)random.Next(2);
}
