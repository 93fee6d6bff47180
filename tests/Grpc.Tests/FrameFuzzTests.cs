using System.Buffers;
using System.IO.Pipelines;
using Google.Protobuf.WellKnownTypes;

namespace Culvert.Grpc.Tests;

/// <summary>The frame parser under any cut of the bytes and under garbage; seeded and bounded.</summary>
public sealed class FrameFuzzTests
{
    private static readonly Marshaller<byte[]> Raw = Marshallers.Create<byte[]>(m => m, b => b);
    private static readonly Marshaller<byte[]> InPieces = Marshallers.Create<byte[]>((m, c) => c.Complete([m.AsMemory(0, m.Length / 3), default, m.AsMemory(m.Length / 3)]), c => c.PayloadAsNewBuffer());

    [Fact(Timeout = 60_000)]
    public async Task MessagesSurviveAnyCutOfTheStream()
    {
        Random random = new(20_250);
        for (int round = 0; round < 300; round++)
        {
            List<byte[]> messages = [];
            ArrayBufferWriter<byte> wire = new();
            MessageWriter writer = new(null, gzip: random.Next(2) == 0, keepsPieces: random.Next(2) == 0);
            for (int i = random.Next(6); i >= 0; i--)
            {
                byte[] message = new byte[random.Next(3) == 0 ? random.Next(20_000) : random.Next(20)];
                random.NextBytes(message);
                messages.Add(message);
                wire.Write(writer.Encode(message, random.Next(2) == 0 ? InPieces : Raw, WriteFlags.None).Span);
                foreach (ReadOnlyMemory<byte> piece in writer.Pieces)
                {
                    wire.Write(piece.Span);
                }

                writer.Release();
            }

            Pipe pipe = new(new PipeOptions(pauseWriterThreshold: 0));
            Task feed = FeedAsync(pipe.Writer, wire.WrittenMemory, random.Next());
            MessageReader reader = new(pipe.Reader, GrpcProtocol.DefaultMaxReceiveMessageSize) { Encoding = "gzip" };
            foreach (byte[] message in messages)
            {
                Assert.Equal(message, await reader.ReadAsync(Raw, default));
            }

            Assert.Null(await reader.ReadAsync(Raw, default));
            await feed;
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task GarbageEndsInAStatusNeverInAnotherException()
    {
        Random random = new(99);
        Marshaller<StringValue> marshaller = ProtobufMarshaller.For(StringValue.Parser);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] bytes = new byte[random.Next(64)];
            random.NextBytes(bytes);
            if (random.Next(2) == 0 && bytes.Length >= 5)
            {
                // Make a plausible prefix, so that payloads are reached.
                MessageFrame.WriteHeader(bytes, random.Next(4) == 0, random.Next(70));
            }

            PipeReader pipe = PipeReader.Create(new ReadOnlySequence<byte>(bytes));
            MessageReader reader = new(pipe, 1_000) { Encoding = random.Next(2) == 0 ? "gzip" : null };
            try
            {
                while (await reader.ReadAsync(marshaller, default) is not null)
                {
                }
            }
            catch (RpcException e)
            {
                Assert.True(e.StatusCode is StatusCode.Internal or StatusCode.ResourceExhausted, e.ToString());
            }
        }
    }

    [Fact]
    public void ALengthBeyondTheLimitIsRefusedBeforeAnyOfItArrives()
    {
        ReadOnlySequence<byte> prefix = new([0, 0, 0, 4, 1]);
        RpcException e = Assert.Throws<RpcException>(() => MessageFrame.TryRead(prefix, 1024, out _, out _));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        Assert.False(MessageFrame.TryRead(prefix, 1025, out _, out long needed));
        Assert.Equal(1030, needed);
    }

    private static async Task FeedAsync(PipeWriter writer, ReadOnlyMemory<byte> bytes, int seed)
    {
        Random random = new(seed);
        while (bytes.Length > 0)
        {
            int size = Math.Min(bytes.Length, random.Next(3) == 0 ? random.Next(1, 7) : random.Next(1, 4_000));
            await writer.WriteAsync(bytes[..size]);
            bytes = bytes[size..];
        }

        await writer.CompleteAsync();
    }
}
