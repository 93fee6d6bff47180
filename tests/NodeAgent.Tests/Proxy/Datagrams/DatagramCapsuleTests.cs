using Culvert.Http2.Capsules;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy.Datagrams;

public sealed class DatagramCapsuleTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 53)]
    [InlineData(61, 65_535)]
    [InlineData(62, 0)]
    [InlineData(65_527, 0)]
    [InlineData(65_527, 1)]
    public void WhatIsWrittenIsRead(int size, ushort port)
    {
        byte[] head = new byte[DatagramCapsule.MaxHead];
        byte[] payload = new byte[size];
        new Random(size).NextBytes(payload);
        byte[] capsule = [.. head[..DatagramCapsule.WriteHead(head, size, port)], .. payload];

        Assert.Equal(DatagramCapsuleContent.Payload, DatagramCapsule.Read(Value(capsule), additions: true, out ReadOnlySpan<byte> read, out ushort from));
        Assert.Equal(port, from);
        Assert.Equal(payload, read);
    }

    [Fact]
    public void AdditionsCountOnlyWhereTheyWereAgreedOn()
    {
        byte[] capsule = new byte[DatagramCapsule.MaxHead];
        byte[] unreachable = Value(capsule.AsSpan(0, DatagramCapsule.WriteUnreachable(capsule)));
        Assert.Equal(DatagramCapsuleContent.Unreachable, Read(unreachable, additions: true));
        Assert.Equal(DatagramCapsuleContent.UnknownContext, Read(unreachable, additions: false));
        Assert.Equal(DatagramCapsuleContent.UnknownContext, Read([.. unreachable, 0], additions: true));
        Assert.Equal(DatagramCapsuleContent.UnknownContext, Read([1, 0, 53], additions: false));
    }

    [Theory]
    [InlineData(new byte[0], DatagramCapsuleContent.Malformed)]
    [InlineData(new byte[] { 0x40 }, DatagramCapsuleContent.Malformed)]
    [InlineData(new byte[] { 1, 0 }, DatagramCapsuleContent.Malformed)]
    [InlineData(new byte[] { 2 }, DatagramCapsuleContent.UnknownContext)]
    [InlineData(new byte[] { 0x40, 0 }, DatagramCapsuleContent.Payload)]
    internal void WhatIsNotADatagramIsTold(byte[] value, DatagramCapsuleContent expected) => Assert.Equal(expected, Read(value, additions: true));

    [Fact]
    public void MoreThanUdpCanCarryIsTooLong()
    {
        Assert.Equal(DatagramCapsuleContent.TooLong, Read(new byte[1 + DatagramCapsule.MaxPayload + 1], additions: false));
        Assert.Equal(DatagramCapsuleContent.TooLong, Read([1, 0, 53, .. new byte[DatagramCapsule.MaxPayload + 1]], additions: true));
    }

    private static DatagramCapsuleContent Read(byte[] value, bool additions) => DatagramCapsule.Read(value, additions, out _, out _);

    private static byte[] Value(ReadOnlySpan<byte> capsule)
    {
        CapsuleReader reader = new(DatagramCapsule.MaxValue, new NoPieces());
        Assert.Equal(CapsuleStatus.Datagram, reader.Read(ref capsule, out ReadOnlySpan<byte> value));
        Assert.True(capsule.IsEmpty);
        return value.ToArray();
    }
    // What is read lies in one piece.
    private sealed class NoPieces : ICapsuleStore
    {
        public bool TryKeep(ReadOnlySpan<byte> piece) => false;

        public ReadOnlySpan<byte> Join(ReadOnlySpan<byte> last) => throw new NotSupportedException();

        public void Clear() => throw new NotSupportedException();
    }
}
