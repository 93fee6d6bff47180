using System.Diagnostics;
using Culvert.Http2.Tests.Support;

namespace Culvert.Http2.Tests;

/// <summary>Large amounts through two connections back to back, and what that costs.</summary>
public sealed class BulkTests(ITestOutputHelper output)
{
    private static readonly byte[] Pattern = MakePattern();

    [Fact]
    public void AGigabyteBothWaysInRandomPieces()
    {
        const long PerStream = 64 << 20;
        const int Streams = 8;
        var random = new Random(3);
        using var client = new Mover(Http2Role.Client);
        using var server = new Mover(Http2Role.Server);
        client.Connection.Start();
        server.Connection.Start();
        server.Respond = true;
        for (var i = 0; i < Streams; i++) client.Begin(PerStream);
        server.Total = PerStream;
        var stopwatch = Stopwatch.StartNew();
        for (long turns = 0; !client.IsDone(Streams) || !server.IsDone(Streams); turns++)
        {
            client.Produce();
            server.Produce();
            Pair.Move(client.Connection, server.Connection, random.Next(1, 400_000));
            Pair.Move(server.Connection, client.Connection, random.Next(1, 400_000));
            Assert.True(turns < 1_000_000, "no progress");
            Assert.False(client.Connection.IsClosed, client.Connection.Result.Message);
            Assert.False(server.Connection.IsClosed, server.Connection.Result.Message);
        }

        output.WriteLine($"1 GiB in {stopwatch.Elapsed.TotalSeconds:f2} s");
        Assert.Equal(PerStream * Streams, client.Received);
        Assert.Equal(PerStream * Streams, server.Received);
        Assert.True(stopwatch.Elapsed < TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void DataFramesAllocateNothing()
    {
        var pair = new AllocationPair();
        pair.Run(10_000);
        Assert.Equal(0, LeastAllocated(() => pair.Run(10_000)));
    }

    [Fact]
    public void StreamsAllocateNothing()
    {
        var pair = new AllocationPair();
        pair.Streams(2_000);
        Assert.Equal(0, LeastAllocated(() => pair.Streams(10_000)));
    }

    // The shared array pool may drop an array at a collection that other tests cause, so one clean run of three is asked for.
    private static long LeastAllocated(Action action)
    {
        var least = long.MaxValue;
        for (var i = 0; i < 3 && least > 0; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            action();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }

    /// <summary>Not a test but a figure; run it alone and in Release for one that counts.</summary>
    [Fact]
    public void Throughput()
    {
        var pair = new AllocationPair();
        for (var round = 0; round < 3; round++)
        {
            var stopwatch = Stopwatch.StartNew();
            pair.Run(20_000);
            var seconds = stopwatch.Elapsed.TotalSeconds;
            output.WriteLine($"DATA send + receive, frames of 16,375: {20_000 * 16_375.0 / seconds / 1e9:f2} GB/s, {20_000 / seconds:n0} frames/s");
            stopwatch.Restart();
            pair.Run(200_000, 100);
            output.WriteLine($"DATA of 100 bytes: {200_000 / stopwatch.Elapsed.TotalSeconds:n0} frames/s");
            stopwatch.Restart();
            pair.Streams(20_000);
            seconds = stopwatch.Elapsed.TotalSeconds;
            output.WriteLine($"CONNECT streams, request + response + both ends: {20_000 / seconds:n0} streams/s, {2 * 20_000 / seconds:n0} header sections/s");
        }
    }

    private static byte[] MakePattern()
    {
        var pattern = new byte[(1 << 20) + 65_536];
        new Random(9).NextBytes(pattern.AsSpan(0, 1 << 20));
        pattern.AsSpan(0, 65_536).CopyTo(pattern.AsSpan(1 << 20));
        return pattern;
    }

    /// <summary>Sends and checks a known pattern on every stream, and consumes in odd pieces.</summary>
    private sealed class Mover : IHttp2Handler, IDisposable
    {
        private readonly Random _random = new(4);
        private readonly List<Http2Stream> _sending = [];
        private readonly HeaderList _headers = new();
        private int _closed;

        public Mover(Http2Role role) => Connection = new Http2Connection(role, Http2Options.Default, this, TimeProvider.System);

        public Http2Connection Connection { get; }

        public bool Respond { get; set; }

        public long Total { get; set; }

        public long Received { get; private set; }

        public bool IsDone(int streams) => _closed == streams;

        public void Begin(long total)
        {
            Total = total;
            var stream = Connection.OpenStream(Endpoint.List(Wire.Connect), false, new Progress());
            Assert.NotNull(stream);
            _sending.Add(stream);
        }

        public void Produce()
        {
            for (var i = _sending.Count - 1; i >= 0; i--) Fill(_sending[i]);
        }

        public void OnHeaders(Http2Stream stream, HeaderList headers, Http2HeadersKind kind, bool endStream)
        {
            if (!Respond) return;
            stream.State = new Progress();
            _headers.Clear();
            Connection.SendHeaders(stream, _headers.AddStatus(200), false);
            _sending.Add(stream);
        }

        public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
        {
            var progress = (Progress)stream.State!;
            Received += data.Length;
            var rest = data;
            while (rest.Length > 0)
            {
                var at = (int)(progress.Received % (1 << 20));
                var n = Math.Min(rest.Length, 65_536);
                Assert.True(rest[..n].SequenceEqual(Pattern.AsSpan(at, n)));
                progress.Received += n;
                rest = rest[n..];
            }

            progress.Held += data.Length;
            if (progress.Held < 1 << 20 && !endStream) return;
            Connection.Consumed(stream, progress.Held);
            progress.Held = 0;
            if (endStream) Assert.Equal(Total, progress.Received);
        }

        public void OnReset(Http2Stream stream, Http2ErrorCode code) => Assert.Fail($"reset {code}");

        public void OnStreamClosed(Http2Stream stream) => _closed++;

        public void OnWindowAvailable(Http2Stream stream) => Fill(stream);

        public void OnGoAway(int lastStreamId, Http2ErrorCode code, ReadOnlySpan<byte> debugData) => Assert.Fail("goaway");

        public void OnPingAck(ulong opaque)
        {
        }

        public void OnSettings()
        {
        }

        public void Dispose() => Connection.Dispose();

        private void Fill(Http2Stream stream)
        {
            var progress = (Progress)stream.State!;
            while (progress.Sent < Total)
            {
                var room = Connection.ReserveData(stream, (int)Math.Min(Total - progress.Sent, 1 + _random.Next(60_000)));
                if (room.IsEmpty) return;
                Pattern.AsSpan((int)(progress.Sent % (1 << 20)), room.Length).CopyTo(room);
                progress.Sent += room.Length;
                Connection.CommitData(stream, room.Length, progress.Sent == Total);
            }

            _sending.Remove(stream);
        }

        private sealed class Progress
        {
            public long Sent;
            public long Received;
            public int Held;
        }
    }

    /// <summary>A tunnel between two connections with handlers that allocate nothing themselves.</summary>
    private sealed class AllocationPair
    {
        private readonly Side _client = new(Http2Role.Client);
        private readonly Side _server = new(Http2Role.Server);
        private readonly HeaderList _request = new();
        private readonly byte[] _payload = new byte[16_375];
        private readonly Http2Stream _stream;

        public AllocationPair()
        {
            _client.Connection.Start();
            _server.Connection.Start();
            Pump();
            _request.Add(":method"u8, "CONNECT"u8).Add(":authority"u8, "10.1.2.3:8080"u8).Add("forwarded"u8, "for=\"10.4.5.6:40000\""u8)
                .Add("baggage"u8, "k8s.cluster.name=one,k8s.namespace.name=shop,k8s.deployment.name=cart"u8)
                .Add("traceparent"u8, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"u8);
            _stream = _client.Connection.OpenStream(_request, false, null)!;
            Pump();
        }

        public void Run(int frames, int size = 16_375)
        {
            for (var i = 0; i < frames; i++)
            {
                var room = _client.Connection.ReserveData(_stream, size);
                if (room.Length != size) throw new InvalidOperationException("no window");
                _payload.AsSpan(0, size).CopyTo(room);
                _client.Connection.CommitData(_stream, room.Length, false);
                if ((i & 7) == 7) Pump();
            }
        }

        public void Streams(int count)
        {
            for (var i = 0; i < count; i++)
            {
                var stream = _client.Connection.OpenStream(_request, false, null) ?? throw new InvalidOperationException("refused");
                _client.Connection.CommitData(stream, 0, true);
                if ((i & 7) == 7) Pump();
            }

            Pump();
        }

        private void Pump()
        {
            while (Pair.Move(_client.Connection, _server.Connection, int.MaxValue) | Pair.Move(_server.Connection, _client.Connection, int.MaxValue))
            {
            }
        }

        private sealed class Side : IHttp2Handler
        {
            private readonly HeaderList _response = new HeaderList().AddStatus(200);

            public Side(Http2Role role) => Connection = new Http2Connection(role, Http2Options.Default, this, TimeProvider.System);

            public Http2Connection Connection { get; }

            public void OnHeaders(Http2Stream stream, HeaderList headers, Http2HeadersKind kind, bool endStream)
            {
                if (kind == Http2HeadersKind.Request) Connection.SendHeaders(stream, _response, false);
            }

            public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
            {
                Connection.Consumed(stream, data.Length);
                if (endStream && Connection.Role == Http2Role.Server) Connection.CommitData(stream, 0, true);
            }

            public void OnReset(Http2Stream stream, Http2ErrorCode code) => throw new InvalidOperationException(code.ToString());

            public void OnStreamClosed(Http2Stream stream)
            {
            }

            public void OnWindowAvailable(Http2Stream stream)
            {
            }

            public void OnGoAway(int lastStreamId, Http2ErrorCode code, ReadOnlySpan<byte> debugData)
            {
            }

            public void OnPingAck(ulong opaque)
            {
            }

            public void OnSettings()
            {
            }
        }
    }
}
