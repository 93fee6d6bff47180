using System.Buffers;
using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.NodeAgent.Telemetry.Tracing;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Telemetry.Requests;

/// <summary>
/// Notes requests of HTTP, writes them to the access log and has their spans sent: a loop only copies what a request says into a record that it has used before, and the rest is done on a thread of its own, which nothing waits for. What does not fit is
/// counted. Thread-safe.
/// </summary>
/// <remarks>The thread looks every 10 ms while something is to be noted, so that no loop has to wake it, and sleeps otherwise.</remarks>
internal sealed class RequestTelemetry : IDisposable
{
    // Bytes of lines.
    private const int MostAtOnce = 64 << 10;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly RequestRecords[] _loops;
    private readonly IAccessLogSink _sink;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger _logger;
    private readonly SpanExporter? _spans;
    private readonly ArrayBufferWriter<byte> _lines = new();
    private readonly ArrayBufferWriter<byte> _line = new();
    private readonly AccessLogJson _json = new();
    private readonly Counter _written;
    private readonly Counter _overflowed;
    private readonly Counter _failed;
    private readonly AutoResetEvent _wake = new(initialState: false);
    private readonly Thread _thread;
    private volatile RequestSettings? _settings;
    private MeshSettings? _mesh;
    private volatile bool _stop;

    /// <param name="loops">How many loops there are.</param>
    /// <param name="sink">Takes the lines; closed with this.</param>
    /// <param name="metrics">Where lines are counted.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">What draws requests; thread-safe.</param>
    /// <param name="logger">Where faults are logged.</param>
    /// <param name="spans">Sends spans; null: they go nowhere.</param>
    internal RequestTelemetry(int loops, IAccessLogSink sink, MetricRegistry metrics, TimeProvider time, Random random, ILogger logger, SpanExporter? spans = null)
    {
        (_sink, _time, _random, _logger, _spans) = (sink, time, random, logger, spans);
        _loops = [.. Enumerable.Range(0, loops).Select(_ => new RequestRecords(time, random))];
        _written = metrics.Add(new CounterFamily("culvert_access_log_lines_total", "HTTP requests that were written to the access log.", [])).With();
        CounterFamily lost = metrics.Add(new CounterFamily("culvert_access_log_lost_total", "HTTP requests that the access log should have and has not, by reason.", ["reason"]));
        (_overflowed, _failed) = (lost.With("queue-full"), lost.With("write-failed"));
        _thread = new Thread(Run) { Name = "culvert-requests", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Takes the mesh's settings; requests that run are noted, or not, as was said when they began.</summary>
    internal void Use(MeshSettings mesh)
    {
        // Compiled once, for the loops compare nothing.
        if (mesh.AccessLog == _mesh?.AccessLog && mesh.Tracing == _mesh.Tracing) return;
        (_mesh, _settings) = (mesh, RequestSettings.Of(mesh));
        _spans?.Use(mesh.Tracing);
        _wake.Set();
    }

    /// <summary>A request has come.</summary>
    /// <param name="client">Its connection.</param>
    /// <param name="request">Its head.</param>
    /// <param name="protocol">What its client speaks.</param>
    /// <param name="loop">The loop's index.</param>
    /// <returns>What is noted of it; null: nothing is.</returns>
    internal RequestRecord? Begin(ConnectionRequests client, HeaderList request, string protocol, int loop)
    {
        if (_settings is not { } settings) return null;
        RequestRecord record = _loops[loop].Rent();
        record.Begin(client, settings, request, protocol, _time.GetUtcNow(), _time.GetTimestamp());
        return record;
    }

    /// <summary>A request is over; its record is not its loop's any more.</summary>
    /// <param name="record">What was noted of it.</param>
    /// <param name="server">The connection by which it was answered.</param>
    /// <param name="end">How it has ended.</param>
    internal void End(RequestRecord record, ConnectionRequests server, in RequestEnd end)
    {
        record.End(server, end);
        record.IsLogged = record.Settings!.IsLogged(record.IsError, _random);
        bool isSent = record.IsSampled && _spans is not null && record.Settings.Tracing.Endpoint.Length > 0;
        if (!record.IsLogged && !isSent)
        {
            record.Home.Return(record);
        }
        else if (!record.Home.TryAdd(record))
        {
            if (record.IsLogged) _overflowed.Increment();
            if (isSent) _spans!.CountLost(record.Tries.Length);
            record.Home.Return(record);
        }
        else if (_settings is null)
        {
            _wake.Set(); // the last of before: nobody looks for it by itself
        }
    }

    /// <summary>Writes what waits, and ends; not later than after 5 s.</summary>
    public void Dispose()
    {
        _stop = true;
        _wake.Set();
        if (!_thread.Join(Patience)) return; // nobody reads standard output any more: the agent does not wait for that
        _wake.Dispose();
        _sink.Dispose();
    }

    private void Run()
    {
        while (!_stop)
        {
            bool any = WriteAll();
            _wake.WaitOne(_settings is null && !any ? Timeout.InfiniteTimeSpan : Interval);
        }

        WriteAll();
    }

    private bool WriteAll()
    {
        int count = 0;
        bool any = false;
        foreach (RequestRecords loop in _loops)
        {
            while (loop.TryTake() is { } record)
            {
                any = true;
                if (TryTell(record)) count++;
                loop.Return(record);
                if (_lines.WrittenCount >= MostAtOnce) Flush(ref count);
            }
        }

        Flush(ref count);
        return any;
    }

    // Whatever a request says, the next one is told of, too.
    private bool TryTell(RequestRecord record)
    {
        try
        {
            if (record.IsLogged) Write(record);
            if (record.IsSampled) _spans?.Add(record);
            return record.IsLogged;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            RequestLog.NotTold(_logger, e);
            _failed.Increment();
            return false;
        }
    }

    // A line by itself, so that one that can't be made leaves nothing behind.
    private void Write(RequestRecord record)
    {
        _line.ResetWrittenCount();
        if (record.Settings!.Log.Format == AccessLogFormat.Text) AccessLogText.Write(record, _line);
        else _json.Write(record, _line);
        _lines.Write(_line.WrittenSpan);
    }

    private void Flush(ref int count)
    {
        if (count == 0) return;
        (_sink.TryWrite(_lines.WrittenSpan) ? _written : _failed).Add(count);
        _lines.ResetWrittenCount();
        count = 0;
    }
}
