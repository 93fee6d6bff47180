using Culvert.Http2.Tests.Support;

namespace Culvert.Http2.Tests;

/// <summary>What ends the whole connection, and with which code (RFC 9113, sections 4 to 6).</summary>
public sealed class ConnectionErrorTests
{
    private static readonly Dictionary<string, (Http2ErrorCode Code, Func<Wire> Bytes)> Cases = new()
    {
        ["frame larger than allowed"] = (Http2ErrorCode.FrameSizeError, () => new Wire().Headers(1, false, Wire.Post).Raw(1, 0, 1, 0, 0, 0, 0, 0, 1)),
        ["DATA on stream 0"] = (Http2ErrorCode.ProtocolError, () => new Wire().Data(0, 1)),
        ["HEADERS on stream 0"] = (Http2ErrorCode.ProtocolError, () => new Wire().Headers(0, true, Wire.Get)),
        ["PRIORITY on stream 0"] = (Http2ErrorCode.ProtocolError, () => new Wire().Frame(2, 0, 0, 0, 0, 0, 0, 0)),
        ["RST_STREAM on stream 0"] = (Http2ErrorCode.ProtocolError, () => new Wire().Reset(0)),
        ["SETTINGS on a stream"] = (Http2ErrorCode.ProtocolError, () => new Wire().Frame(4, 0, 1)),
        ["PING on a stream"] = (Http2ErrorCode.ProtocolError, () => new Wire().Frame(6, 0, 1, new byte[8])),
        ["GOAWAY on a stream"] = (Http2ErrorCode.ProtocolError, () => new Wire().Frame(7, 0, 1, new byte[8])),
        ["CONTINUATION on stream 0"] = (Http2ErrorCode.ProtocolError, () => new Wire().Frame(9, 4, 0)),
        ["CONTINUATION without HEADERS"] = (Http2ErrorCode.ProtocolError, () => new Wire().Frame(9, 4, 1)),
        ["CONTINUATION after END_HEADERS"] = (Http2ErrorCode.ProtocolError, () => new Wire().Headers(1, false, Wire.Get).Frame(9, 4, 1)),
        ["PUSH_PROMISE"] = (Http2ErrorCode.ProtocolError, () => new Wire().Frame(5, 4, 1, 0, 0, 0, 2)),
        ["block interrupted by DATA"] = (Http2ErrorCode.ProtocolError, () => new Wire().Frame(1, 0, 1, Wire.Block(Wire.Get)).Data(1, 1)),
        ["block interrupted by another stream"] = (Http2ErrorCode.ProtocolError, () => new Wire().Frame(1, 0, 1, Wire.Block(Wire.Get)).Frame(9, 4, 3)),
        ["block interrupted by an unknown frame"] = (Http2ErrorCode.ProtocolError, () => new Wire().Frame(1, 0, 1, Wire.Block(Wire.Get)).Frame(0x33, 0, 1)),
        ["RST_STREAM of 3 bytes"] = (Http2ErrorCode.FrameSizeError, () => new Wire().Headers(1, false, Wire.Get).Frame(3, 0, 1, 0, 0, 0)),
        ["WINDOW_UPDATE of 3 bytes"] = (Http2ErrorCode.FrameSizeError, () => new Wire().Frame(8, 0, 0, 0, 0, 0)),
        ["PING of 7 bytes"] = (Http2ErrorCode.FrameSizeError, () => new Wire().Frame(6, 0, 0, new byte[7])),
        ["GOAWAY of 7 bytes"] = (Http2ErrorCode.FrameSizeError, () => new Wire().Frame(7, 0, 0, new byte[7])),
        ["SETTINGS of 5 bytes"] = (Http2ErrorCode.FrameSizeError, () => new Wire().Frame(4, 0, 0, new byte[5])),
        ["SETTINGS ack with payload"] = (Http2ErrorCode.FrameSizeError, () => new Wire().Frame(4, 1, 0, new byte[6])),
        ["padded HEADERS of 0 bytes"] = (Http2ErrorCode.FrameSizeError, () => new Wire().Frame(1, 0xc, 1)),
        ["HEADERS shorter than its priority"] = (Http2ErrorCode.FrameSizeError, () => new Wire().Frame(1, 0x24, 1, 0, 0)),
        ["padded DATA of 0 bytes"] = (Http2ErrorCode.FrameSizeError, () => new Wire().Headers(1, false, Wire.Post).Frame(0, 8, 1)),
        ["HEADERS with too much padding"] = (Http2ErrorCode.ProtocolError, () => new Wire().Frame(1, 0xc, 1, 5, 0x82)),
        ["DATA with too much padding"] = (Http2ErrorCode.ProtocolError, () => new Wire().Headers(1, false, Wire.Post).Frame(0, 8, 1, 5, 0, 0, 0, 0)),
        ["PRIORITY of 4 bytes on an idle stream"] = (Http2ErrorCode.FrameSizeError, () => new Wire().Frame(2, 0, 1, 0, 0, 0, 0)),
        ["setting ENABLE_PUSH 2"] = (Http2ErrorCode.ProtocolError, () => new Wire().Settings((2, 2))),
        ["setting INITIAL_WINDOW_SIZE 2^31"] = (Http2ErrorCode.FlowControlError, () => new Wire().Settings((4, 1u << 31))),
        ["setting MAX_FRAME_SIZE 16383"] = (Http2ErrorCode.ProtocolError, () => new Wire().Settings((5, 16_383))),
        ["setting MAX_FRAME_SIZE 2^24"] = (Http2ErrorCode.ProtocolError, () => new Wire().Settings((5, 1 << 24))),
        ["setting ENABLE_CONNECT_PROTOCOL 2"] = (Http2ErrorCode.ProtocolError, () => new Wire().Settings((8, 2))),
        ["WINDOW_UPDATE of 0 on the connection"] = (Http2ErrorCode.ProtocolError, () => new Wire().WindowUpdate(0, 0)),
        ["WINDOW_UPDATE overflow on the connection"] = (Http2ErrorCode.FlowControlError, () => new Wire().WindowUpdate(0, int.MaxValue)),
        ["initial window overflows a stream"] = (Http2ErrorCode.FlowControlError, () => new Wire().Headers(1, false, Wire.Post).WindowUpdate(1, int.MaxValue - 65_535).Settings((4, 65_536))),
        ["DATA on an idle stream"] = (Http2ErrorCode.ProtocolError, () => new Wire().Data(1, 1)),
        ["RST_STREAM on an idle stream"] = (Http2ErrorCode.ProtocolError, () => new Wire().Reset(1)),
        ["WINDOW_UPDATE on an idle stream"] = (Http2ErrorCode.ProtocolError, () => new Wire().WindowUpdate(1, 1)),
        ["HEADERS on an even stream"] = (Http2ErrorCode.ProtocolError, () => new Wire().Headers(2, true, Wire.Get)),
        ["DATA on an even stream"] = (Http2ErrorCode.ProtocolError, () => new Wire().Data(2, 1)),
        ["HEADERS on a skipped stream"] = (Http2ErrorCode.StreamClosed, () => new Wire().Headers(5, false, Wire.Post).Headers(3, true, Wire.Get)),
        ["HEADERS after RST_STREAM"] = (Http2ErrorCode.StreamClosed, () => new Wire().Headers(1, false, Wire.Post).Reset(1).Headers(1, true, Wire.Get)),
        ["broken compression"] = (Http2ErrorCode.CompressionError, () => new Wire().Frame(1, 5, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
        ["GOAWAY that goes up"] = (Http2ErrorCode.ProtocolError, () => new Wire().GoAway(1).GoAway(3)),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void EndsTheConnection(string name)
    {
        var (code, bytes) = Cases[name];
        var server = new Endpoint(Http2Role.Server);
        var result = server.Send(bytes());
        Assert.True(result.IsClosed);
        Assert.Equal(code, result.Code);
        Assert.NotEmpty(result.Message);
        Assert.Matches($"^GOAWAY [0-9]+ {code}$", server.OutputText().Split((char)10)[^1]);
        Assert.Equal(0, server.Connection.OpenStreams);

        // Nothing more is heard or said.
        var events = server.Recorder.Events.Count;
        Assert.True(server.Send(new Wire().Ping(1).Headers(101, true, Wire.Get)).IsClosed);
        Assert.Equal(events, server.Recorder.Events.Count);
        Assert.Equal(0, server.Connection.PendingOutput);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EndsTheConnectionTheSameWayByteByByte(string name)
    {
        var (code, bytes) = Cases[name];
        var server = new Endpoint(Http2Role.Server);
        foreach (var b in bytes().Bytes) server.Connection.Receive([b]);
        Assert.Equal(code, server.Connection.Result.Code);
    }

    [Fact]
    public void BadPrefaceIsRefusedAtItsFirstWrongByte()
    {
        var server = new Endpoint(Http2Role.Server, handshake: false);
        Assert.False(server.Connection.Receive("PRI * HTTP/"u8).IsClosed);
        Assert.Equal(Http2CloseReason.BadPreface, server.Connection.Receive("1"u8).Reason);
    }

    [Fact]
    public void Http1IsRefused()
    {
        var server = new Endpoint(Http2Role.Server, handshake: false);
        Assert.Equal(Http2CloseReason.BadPreface, server.Connection.Receive("GET / HTTP/1.1\r\n"u8).Reason);
    }

    [Theory]
    [InlineData(Http2Role.Client)]
    [InlineData(Http2Role.Server)]
    public void FirstFrameMustBeSettings(Http2Role role)
    {
        foreach (var wire in new[] { new Wire().Ping(1), new Wire().SettingsAck(), new Wire().Headers(1, true, Wire.Get) })
        {
            var endpoint = new Endpoint(role, handshake: false);
            if (role == Http2Role.Server) endpoint.Send(new Wire().Preface());
            Assert.Equal(Http2ErrorCode.ProtocolError, endpoint.Send(wire).Code);
        }
    }

    [Fact]
    public void ConnectionWindowIsEnforced()
    {
        var options = new Http2Options { ConnectionWindow = 65_535, StreamWindow = 1 << 20 };
        var server = new Endpoint(Http2Role.Server, options);
        server.Recorder.AutoConsume = false;
        server.Send(new Wire().Headers(1, false, Wire.Post).Data(1, 60_000).Data(1, 5_535));
        Assert.False(server.Connection.IsClosed);
        Assert.Equal(Http2CloseReason.FlowControl, server.Send(new Wire().Data(1, 1)).Reason);
        Assert.Contains("1 reset FlowControlError", server.Recorder.Events);
    }

    [Fact]
    public void ClientRefusesStreamsOpenedByTheServer()
    {
        var client = new Endpoint(Http2Role.Client);
        Assert.Equal(Http2ErrorCode.ProtocolError, client.Send(new Wire().Headers(2, true, Wire.Ok)).Code);
        client = new Endpoint(Http2Role.Client);
        Assert.Equal(Http2ErrorCode.ProtocolError, client.Send(new Wire().Headers(1, true, Wire.Ok)).Code);
        client = new Endpoint(Http2Role.Client);
        Assert.Equal(Http2ErrorCode.ProtocolError, client.Send(new Wire().Settings((2, 1))).Code);
        client = new Endpoint(Http2Role.Client);
        Assert.Equal(Http2ErrorCode.ProtocolError, client.Send(new Wire().Settings((8, 1)).Settings((8, 0))).Code);
    }

    [Fact]
    public void StreamsAreToldWhenTheConnectionFails()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Send(new Wire().Headers(1, false, Wire.Post).Headers(3, true, Wire.Get).Data(0, 1));
        Assert.Contains("1 reset ProtocolError", server.Recorder.Events);
        Assert.Contains("3 reset ProtocolError", server.Recorder.Events);
        Assert.Contains("1 closed", server.Recorder.Events);
        Assert.Contains("3 closed", server.Recorder.Events);
    }
}
