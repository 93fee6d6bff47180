using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Telemetry.Tracing;

namespace Culvert.NodeAgent.Telemetry.Requests;

/// <content>The trace that it belongs to.</content>
internal sealed partial class RequestRecord
{
    /// <summary>Most tries that have a span each; of more the last one's span is that of all further ones.</summary>
    internal const int MostTries = 16;

    private readonly HeaderList _forServer = new();
    private RequestTry[] _tries = new RequestTry[1];
    private TraceForms _forms;
    private TraceContext _context; // of the span before
    private int _answered; // with what the try that runs was, if that is not passed on

    /// <summary>The trace, and the span that the request came by; no trace: it belongs to none.</summary>
    internal TraceContext Trace => _context;

    /// <summary>Whether spans of it are recorded.</summary>
    internal bool IsSampled { get; private set; }

    /// <summary>Its tries, the last one included; there is one at least.</summary>
    internal ReadOnlySpan<RequestTry> Tries => _tries.AsSpan(0, TryCount);

    private int TryCount { get; set; }

    private ref RequestTry Last => ref _tries[TryCount - 1];

    /// <inheritdoc/>
    public HeaderList ForServer(HeaderList head)
    {
        if (Settings is not { IsTracing: true }) return head;
        TraceHeaders.Write(head, _forms, _context with { Span = Last.Span, IsSampled = IsSampled }, _context.Span, _forServer);
        return _forServer;
    }

    /// <inheritdoc/>
    public void OnNotTaken(int status) => _answered = status;

    // What the request says counts; where it says nothing a trace begins with it.
    private void BeginTrace(HeaderList request, RequestSettings settings, Random random)
    {
        (_forms, TryCount, _answered, IsSampled) = (TraceHeaders.Read(request, out _context), 1, 0, false);
        if (!settings.IsTracing)
        {
            Last = default;
            return;
        }

        IsSampled = _context.IsSampled ?? settings.IsTraceDrawn(random);
        if (!_context.HasTrace) _context = _context with { High = IdOf(random), Low = IdOf(random), Span = 0 };
        Last = new RequestTry(IdOf(random), null, TimeSpan.Zero, TimeSpan.Zero, 0);
    }

    // The first try has begun with the request.
    private void BeginTry(in SocketEndPoint target, bool isFirst)
    {
        if (isFirst || TryCount == MostTries)
        {
            Last = Last with { Target = target };
            return;
        }

        TimeSpan now = home.Elapsed(_began);
        Last = Last with { Ended = now, Status = _answered };
        if (TryCount == _tries.Length) Array.Resize(ref _tries, TryCount * 2);
        TryCount++;
        _answered = 0;
        Last = new RequestTry(Settings!.IsTracing ? IdOf(home.Random) : 0, target, now, TimeSpan.Zero, 0);
    }

    private void EndTrace() => Last = Last with { Ended = Duration > Last.Began ? Duration : Last.Began, Status = Status };

    private static ulong IdOf(Random random) => (ulong)random.NextInt64(1, long.MaxValue) << 1 | (uint)random.Next(2);
}
