using Culvert.Http2.Capsules;

namespace Culvert.Http2.Tests.Capsules;

public sealed class CapsuleReaderTests
{
    private const int MaxValue = 65_543;

    [Fact]
    public void AWholeCapsuleIsHandedOutWhereItLies()
    {
        var reader = new CapsuleReader(MaxValue, new ArrayCapsuleStore());
        byte[] bytes = [0x00, 0x04, 0x00, 1, 2, 3, 0x00, 0x01, 0x00];
        ReadOnlySpan<byte> input = bytes;
        Assert.Equal(CapsuleStatus.Datagram, reader.Read(ref input, out var value));
        Assert.True(value.Overlaps(bytes, out var offset) && value.Length == 4 && offset == -2, "copied");
        Assert.Equal(CapsuleStatus.Datagram, reader.Read(ref input, out value));
        Assert.Equal([0], value.ToArray());
        Assert.Equal(CapsuleStatus.NeedMore, reader.Read(ref input, out _));
        Assert.True(reader.IsAtBoundary);
    }

    [Fact]
    public void EveryCutGivesTheSame()
    {
        byte[] first = [.. Enumerable.Range(0, 300).Select(i => (byte)i)];
        byte[] bytes = [.. Build(0, first), .. Build(0x17, new byte[90]), .. Build(0, []), .. Build(0, [9])];
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var reader = new CapsuleReader(MaxValue, new ArrayCapsuleStore());
            var (got, unknown, _) = ReadAll(reader, bytes[..cut], bytes[cut..]);
            Assert.Equal([first, [], [9]], got);
            Assert.Equal(1, unknown);
            Assert.True(reader.IsAtBoundary);
        }
    }

    [Fact]
    public void UnknownTypesAreSkippedHoweverLong()
    {
        var reader = new CapsuleReader(100, new ArrayCapsuleStore());
        var (got, unknown, last) = ReadAll(reader, Build(0xffe0, new byte[5000]), Build(0, [1, 2]));
        Assert.Equal([[1, 2]], got);
        Assert.Equal((1, CapsuleStatus.NeedMore), (unknown, last));
    }

    [Theory]
    [InlineData(100, CapsuleStatus.NeedMore)]
    [InlineData(101, CapsuleStatus.TooLong)]
    public void TheLimitIsKept(int length, CapsuleStatus expected)
    {
        var reader = new CapsuleReader(100, new ArrayCapsuleStore());
        Assert.Equal(expected, ReadAll(reader, Build(0, new byte[length])).Last);
        Assert.Equal(expected == CapsuleStatus.NeedMore, reader.IsAtBoundary);
        Assert.Equal(expected, ReadAll(reader, Build(0, [1])).Last);
    }

    [Fact]
    public void TheLargestLengthIsRefusedBeforeAnythingIsHeld()
    {
        var reader = new CapsuleReader(MaxValue, new ArrayCapsuleStore());
        Assert.Equal(CapsuleStatus.TooLong, ReadAll(reader, [0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).Last);
    }

    [Fact]
    public void AnEndWithinACapsuleIsSeen()
    {
        byte[] bytes = Build(0, [1, 2, 3]);
        for (var cut = 1; cut < bytes.Length; cut++)
        {
            var reader = new CapsuleReader(MaxValue, new ArrayCapsuleStore());
            ReadAll(reader, bytes[..cut]);
            Assert.False(reader.IsAtBoundary);
        }
    }

    [Fact]
    public void ACapsuleWhosePiecesFindNoRoomIsSkippedAndNothingElse()
    {
        var store = new ArrayCapsuleStore { Room = 10 };
        var reader = new CapsuleReader(MaxValue, store);
        byte[] bytes = [.. Build(0, new byte[20]), .. Build(0, [1, 2])];
        ReadOnlySpan<byte> input = bytes.AsSpan(0, 12);
        Assert.Equal(CapsuleStatus.NeedMore, reader.Read(ref input, out _));
        input = bytes.AsSpan(12, 3);
        Assert.Equal(CapsuleStatus.NoRoom, reader.Read(ref input, out _));
        Assert.Equal(0, store.Length);
        var (got, _, last) = ReadAll(reader, bytes[15..]);
        Assert.Equal([[1, 2]], got);
        Assert.Equal(CapsuleStatus.NeedMore, last);
        Assert.True(reader.IsAtBoundary);
    }

    [Fact]
    public void ACapsuleThatIsGivenUpIsSkipped()
    {
        var store = new ArrayCapsuleStore();
        var reader = new CapsuleReader(MaxValue, store);
        byte[] bytes = [.. Build(0, new byte[20]), .. Build(0, [1, 2])];
        Assert.False(reader.GiveUp());
        Assert.Empty(ReadAll(reader, bytes[..9]).Datagrams);
        Assert.Equal(7, store.Length);
        Assert.True(reader.GiveUp());
        Assert.Equal(0, store.Length);
        Assert.Equal([[1, 2]], ReadAll(reader, bytes[9..]).Datagrams);
    }

    [Fact]
    public void NoMoreIsKeptThanHasCome()
    {
        var store = new ArrayCapsuleStore();
        var reader = new CapsuleReader(MaxValue, store);
        ReadAll(reader, Build(0, new byte[MaxValue])[..9]);
        Assert.InRange(store.Length, 1, 9);
    }

    [Fact]
    public void RandomCapsulesInRandomPieces()
    {
        var random = new Random(4711);
        for (var round = 0; round < 2_000; round++)
        {
            var reader = new CapsuleReader(MaxValue, new ArrayCapsuleStore());
            List<byte[]> sent = [];
            List<byte> wire = [];
            var skipped = 0;
            for (var i = random.Next(12); i >= 0; i--)
            {
                var value = new byte[random.Next(6) == 0 ? random.Next(MaxValue + 1) : random.Next(2000)];
                random.NextBytes(value);
                if (random.Next(4) == 0)
                {
                    wire.AddRange(Build((ulong)random.NextInt64(1, (long)QuicVarint.MaxValue), value));
                    skipped++;
                }
                else
                {
                    wire.AddRange(Build(0, value));
                    sent.Add(value);
                }
            }

            var (got, unknown, last) = ReadAll(reader, Cut(random, [.. wire]));
            Assert.Equal(sent, got);
            Assert.Equal((skipped, CapsuleStatus.NeedMore), (unknown, last));
            Assert.True(reader.IsAtBoundary);
        }
    }

    [Fact]
    public void RandomBytesDoNotThrowAndTheResultDoesNotDependOnTheCuts()
    {
        var random = new Random(815);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            for (var i = 0; i < bytes.Length; i++)
            {
                // Without many small numbers nearly every capsule is of an unknown type, and endless.
                if (random.Next(2) == 0) bytes[i] = (byte)random.Next(3);
            }

            var whole = new CapsuleReader(60, new ArrayCapsuleStore());
            var pieces = new CapsuleReader(60, new ArrayCapsuleStore());
            var expected = ReadAll(whole, bytes);
            var actual = ReadAll(pieces, Cut(random, bytes));
            Assert.Equal(expected.Datagrams, actual.Datagrams);
            Assert.Equal((expected.Unknown, expected.Last, whole.IsAtBoundary), (actual.Unknown, actual.Last, pieces.IsAtBoundary));
        }
    }

    private static byte[] Build(ulong type, byte[] value)
    {
        var head = new byte[Capsule.MaxHeaderLength];
        return [.. head[..Capsule.WriteHeader(head, type, value.Length)], .. value];
    }

    private static byte[][] Cut(Random random, byte[] bytes)
    {
        List<byte[]> pieces = [];
        for (var at = 0; at < bytes.Length;)
        {
            var n = Math.Min(bytes.Length - at, random.Next(5) == 0 ? random.Next(1, 4) : random.Next(1, 4000));
            pieces.Add(bytes[at..(at + n)]);
            at += n;
        }

        return [.. pieces];
    }

    private static (List<byte[]> Datagrams, int Unknown, CapsuleStatus Last) ReadAll(CapsuleReader reader, params byte[][] pieces)
    {
        List<byte[]> datagrams = [];
        var unknown = 0;
        var status = CapsuleStatus.NeedMore;
        foreach (var piece in pieces)
        {
            ReadOnlySpan<byte> input = piece;
            while ((status = reader.Read(ref input, out var value)) != CapsuleStatus.NeedMore)
            {
                if (status == CapsuleStatus.Datagram) datagrams.Add(value.ToArray());
                else if (status == CapsuleStatus.Unknown) unknown++;
                else return (datagrams, unknown, status);
            }

            Assert.True(input.IsEmpty);
        }

        return (datagrams, unknown, status);
    }
}
