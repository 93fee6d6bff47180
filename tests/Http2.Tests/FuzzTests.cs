using Culvert.Http2.Frames;
using Culvert.Http2.Tests.Support;

namespace Culvert.Http2.Tests;

/// <summary>Seeded and bounded: nothing a peer sends may throw, hang or grow memory.</summary>
public sealed class FuzzTests
{
    private static readonly Http2Options Small = new()
    {
        StreamWindow = 50_000,
        MaxStreamWindow = 120_000,
        ConnectionWindow = 70_000,
        MaxConcurrentStreams = 10,
        MaxHeaderListSize = 4_000,
        MaxOutputBytes = 100_000,
        OutputHighWaterMark = 20_000,
        EnableConnectProtocol = true,
    };

    [Theory]
    [InlineData(Http2Role.Client)]
    [InlineData(Http2Role.Server)]
    public void RandomBytes(Http2Role role)
    {
        var random = new Random(100);
        for (var round = 0; round < 3_000; round++)
        {
            var endpoint = Start(role, random, handshake: random.Next(4) > 0);
            for (var i = 0; i < 20 && !endpoint.Connection.IsClosed; i++)
            {
                var bytes = new byte[random.Next(300)];
                random.NextBytes(bytes);
                Feed(endpoint, bytes, random);
            }
        }
    }

    [Theory]
    [InlineData(Http2Role.Client)]
    [InlineData(Http2Role.Server)]
    public void RandomFrames(Http2Role role)
    {
        var random = new Random(200);
        var reasons = new HashSet<string>();
        var survived = 0;
        var events = new HashSet<string>();
        for (var round = 0; round < 1_500; round++)
        {
            var endpoint = Start(role, random);
            for (var i = 0; i < 200 && !endpoint.Connection.IsClosed; i++) Feed(endpoint, RandomFrame(random, endpoint).Bytes, random);
            if (!endpoint.Connection.IsClosed) survived++;
            reasons.Add(endpoint.Connection.Result.Message);
            foreach (var line in endpoint.Recorder.Events) events.Add(string.Join(' ', line.Split(' ').Skip(1).Take(2)));
        }

        // The frames must get somewhere, or nothing was tried.
        Assert.True(reasons.Count >= 8, string.Join('\n', reasons));
        Assert.InRange(survived, 50, 1_450);
        Assert.Contains("closed", events);
        Assert.Contains("end", events);
        Assert.Contains("reset FlowControlError", events);
        Assert.Contains("reset StreamClosed", events);
    }

    [Theory]
    [InlineData(Http2Role.Client)]
    [InlineData(Http2Role.Server)]
    public void MutatedConversations(Http2Role role)
    {
        var random = new Random(300);
        for (var round = 0; round < 3_000; round++)
        {
            var endpoint = Start(role, random);
            var wire = new Wire();
            for (var id = 1; id < 12; id += 2)
            {
                if (role == Http2Role.Client)
                {
                    wire.Headers(id, false, Wire.Ok).Data(id, random.Next(500)).Headers(id, true, ("t", "1"));
                }
                else
                {
                    wire.Headers(id, false, random.Next(2) == 0 ? Wire.Post : Wire.Connect).Data(id, random.Next(500)).Data(id, 5, random.Next(2) == 0);
                }

                wire.WindowUpdate(id, 1000).WindowUpdate(0, 1000).Ping(3).Settings((4, (uint)random.Next(100_000)), (1, (uint)random.Next(5000)));
            }

            var bytes = wire.Bytes;
            for (var i = random.Next(8); i > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            Feed(endpoint, bytes, random);
        }
    }

    [Fact]
    public void TwoConnectionsUnderRandomUseNeverDisagree()
    {
        var random = new Random(400);
        for (var round = 0; round < 60; round++)
        {
            var pair = new Pair(Small with { MaxPrematureResets = 1 << 20 }, Small with { MaxPrematureResets = 1 << 20 });
            Use(pair.Client, random);
            Use(pair.Server, random);
            for (var step = 0; step < 2_000; step++)
            {
                Act(random.Next(2) == 0 ? pair.Client : pair.Server, random);
                Pair.Move(pair.Client.Connection, pair.Server.Connection, random.Next(1, 20_000));
                Pair.Move(pair.Server.Connection, pair.Client.Connection, random.Next(1, 20_000));
            }

            pair.Pump();
            Assert.InRange(pair.Server.Connection.BytesReceived, 1_000_000, long.MaxValue);
            Assert.False(pair.Client.Connection.IsClosed, pair.Client.Connection.Result.Message);
            Assert.False(pair.Server.Connection.IsClosed, pair.Server.Connection.Result.Message);

            // Everything that was reset or ended is gone on both sides, and all window is back within one batch.
            foreach (var side in new[] { pair.Client, pair.Server })
            {
                foreach (var stream in side.Recorder.Streams.Values.ToArray()) side.Connection.Reset(stream, Http2ErrorCode.Cancel);
            }

            pair.Pump();
            Assert.Equal(0, pair.Client.Connection.OpenStreams);
            Assert.Equal(0, pair.Server.Connection.OpenStreams);
            Assert.InRange(pair.Client.Connection.SendWindow, 35_000, 70_000);
            Assert.InRange(pair.Server.Connection.SendWindow, 35_000, 70_000);
        }
    }

    private static void Use(Endpoint side, Random random)
    {
        side.Recorder.AutoConsume = false;
        side.Recorder.Closed = stream => side.Recorder.Streams.Remove(stream.Id);
        side.Recorder.Headers = (stream, _, kind, _) =>
        {
            if (kind == Http2HeadersKind.Request && random.Next(10) > 0) side.Connection.SendHeaders(stream, Endpoint.List(Wire.Ok), random.Next(20) == 0);
        };
        side.Recorder.Window = stream => side.Connection.SendData(stream, new byte[random.Next(30_000)], random.Next(20) == 0, out _);
    }

    private static void Act(Endpoint side, Random random)
    {
        var connection = side.Connection;
        if (connection.Role == Http2Role.Client && side.Recorder.Streams.Count < 8)
        {
            var opened = connection.OpenStream(Endpoint.List(random.Next(2) == 0 ? Wire.Connect : Wire.Post), random.Next(20) == 0, null);
            if (opened is not null) side.Recorder.Streams[opened.Id] = opened;
        }

        if (side.Recorder.Streams.Count == 0) return;
        var stream = side.Recorder.Streams.Values.ElementAt(random.Next(side.Recorder.Streams.Count));
        var headersSent = connection.Role == Http2Role.Client || stream.FinalHeadersSent;
        switch (random.Next(8))
        {
            case 0:
                connection.Reset(stream, Http2ErrorCode.Cancel);
                break;
            case 1 when headersSent && !stream.IsConnect:
                connection.SendHeaders(stream, Endpoint.List(("trailer", "x")), true);
                break;
            case 2 when headersSent:
                connection.CommitData(stream, 0, true);
                break;
            case 3 or 4 when headersSent:
                connection.SendData(stream, new byte[random.Next(40_000)], random.Next(10) == 0, out _);
                break;
            default:
                connection.Consumed(stream, random.Next(stream.Unconsumed + 1));
                break;
        }
    }

    private static Endpoint Start(Http2Role role, Random random, bool handshake = true)
    {
        var endpoint = new Endpoint(role, Small, handshake);
        endpoint.Recorder.AutoConsume = random.Next(2) == 0;
        endpoint.Recorder.Headers = (stream, _, kind, _) =>
        {
            switch (random.Next(4))
            {
                case 0:
                    endpoint.Connection.Reset(stream, Http2ErrorCode.Cancel);
                    break;
                case 1 when kind == Http2HeadersKind.Request:
                    endpoint.Connection.SendHeaders(stream, Endpoint.List(Wire.Ok), false);
                    endpoint.Connection.SendData(stream, new byte[random.Next(30_000)], random.Next(2) == 0, out _);
                    break;
            }
        };
        endpoint.Recorder.Window = stream => endpoint.Connection.SendData(stream, new byte[random.Next(5_000)], random.Next(4) == 0, out _);
        if (role == Http2Role.Client)
        {
            for (var i = 0; i < 5; i++)
            {
                var stream = endpoint.Open(random.Next(2) == 0, i % 2 == 0 ? Wire.Connect : Wire.Post);
                endpoint.Connection.SendData(stream, new byte[random.Next(60_000)], random.Next(2) == 0, out _);
            }
        }

        return endpoint;
    }

    private static void Feed(Endpoint endpoint, byte[] bytes, Random random)
    {
        var connection = endpoint.Connection;
        for (var at = 0; at < bytes.Length;)
        {
            var n = Math.Min(1 + random.Next(bytes.Length), bytes.Length - at);
            connection.Receive(bytes.AsSpan(at, n));
            at += n;
        }

        Assert.InRange(connection.OpenStreams, 0, connection.IsClosed ? 0 : 10);
        Assert.InRange(connection.PendingOutput, 0, 300_000);
        if (random.Next(3) == 0) connection.AdvanceOutput(random.Next(connection.PendingOutput + 1));
        if (random.Next(50) == 0) connection.CheckTimeouts();
    }

    /// <summary>Mostly frames that are allowed in themselves, for streams that exist; seldom rubbish.</summary>
    private static Wire RandomFrame(Random random, Endpoint endpoint)
    {
        var client = endpoint.Connection.Role == Http2Role.Client;
        var last = client ? 9 : Math.Max(1, endpoint.Connection.LastPeerStreamId);
        var id = Math.Max(1, last - (2 * random.Next(8)));
        if (random.Next(400) == 0) id = random.Next(40);
        switch (random.Next(80))
        {
            case < 20:
                var fields = client ? Wire.Ok : random.Next(2) == 0 ? Wire.Connect : Wire.Post;
                return new Wire().Headers(client ? id : last + 2, random.Next(3) == 0, fields);
            case < 24:
                return new Wire().Headers(id, random.Next(5) > 0, ("trailer", "x"));
            case < 54:
                return new Wire().Data(id, random.Next(random.Next(50) == 0 ? 60_000 : 2_000), random.Next(5) == 0);
            case < 62:
                return new Wire().WindowUpdate(random.Next(2) == 0 ? 0 : id, (uint)random.Next(70_000));
            case < 66:
                return new Wire().Settings((1 + random.Next(4), (uint)random.Next(2)), (4, (uint)random.Next(100_000)));
            case < 70:
                return new Wire().Reset(id, random.Next(15));
            case < 74:
                return new Wire().Ping((byte)random.Next(256), random.Next(2) == 0);
            case 74 when random.Next(20) == 0:
                return new Wire().GoAway(9);
            case < 79:
                return new Wire().Frame(0, random.Next(2) * 8, id, [(byte)random.Next(20), .. new byte[20 + random.Next(100)]]);
            default:
                if (random.Next(3) > 0) return new Wire().Frame(2, 0, id, 0, 0, 0, 0, 0);
                var payload = new byte[random.Next(30)];
                random.NextBytes(payload);
                return new Wire().Frame(random.Next((int)FrameType.Continuation + 3), random.Next(256), id, payload);
        }
    }
}
