using Google.Protobuf.WellKnownTypes;

namespace Culvert.Grpc.Tests;

/// <summary>Headers and trailers with text and bytes, repeated keys, and what is refused.</summary>
public sealed class MetadataTests
{
    [Fact(Timeout = 30_000)]
    public async Task HeadersAndTrailersGoBothWays()
    {
        byte[] bytes = [0, 1, 2, 250, 255];
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Unary, async (StringValue request, ServerCallContext context) =>
            {
                Metadata reply = [];
                foreach (Metadata.Entry entry in context.RequestHeaders.Where(e => e.Key.StartsWith("x-", StringComparison.Ordinal)))
                {
                    reply.Add(entry);
                    context.ResponseTrailers.Add(entry);
                }

                await context.WriteResponseHeadersAsync(reply);
                await Assert.ThrowsAsync<InvalidOperationException>(() => context.WriteResponseHeadersAsync(reply));
                return request;
            })
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using GrpcChannel channel = server.Connect();
        Metadata headers = new() { { "X-Text", "some text" }, { "x-many", "1" }, { "x-many", "2" }, { "x-raw-bin", bytes }, { "x-empty-bin", Array.Empty<byte>() } };
        using AsyncUnaryCall<StringValue> call = channel.CreateCallInvoker().AsyncUnaryCall(Echo.Unary, null, new CallOptions(headers), new StringValue());
        await call;

        foreach (Metadata received in new[] { await call.ResponseHeadersAsync, call.GetTrailers() })
        {
            Assert.Equal("some text", received.GetValue("x-text"));
            Assert.Equal(bytes, received.GetValueBytes("x-raw-bin"));
            Assert.Empty(received.GetValueBytes("x-empty-bin")!);
            // Repeated text may be joined on its way (RFC 9110 section 5.3).
            Assert.Equal("1, 2", string.Join(", ", received.GetAll("x-many").Select(e => e.Value)));
        }
    }

    [Fact]
    public void InvalidEntriesAreRefused()
    {
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("a b", "x"));
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("", "x"));
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("a-bin", "x"));
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("a", "x\n"));
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("a", [1]));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("a", "x"));
        Assert.Throws<InvalidOperationException>(() => new Metadata.Entry("a-bin", [1]).Value);
    }

    [Theory]
    [InlineData("AQI=")]
    [InlineData("AQI")]
    public void BinaryValuesMayBePaddedOrNot(string text)
    {
        Metadata metadata = [];
        MetadataEncoding.AddReceived(metadata, "k-bin", text + "," + text);
        Assert.Equal(2, metadata.Count);
        Assert.Equal([1, 2], metadata.GetValueBytes("k-bin"));
    }

    [Fact(Timeout = 30_000)]
    public async Task BinaryHeadersThatAreNotBase64AreRefused()
    {
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Unary, (StringValue request, ServerCallContext context) => Task.FromResult(new StringValue { Value = context.RequestHeaders.Count.ToString() }))
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using RawClient client = new(server.Address);
        using HttpResponseMessage response = await client.PostAsync(Echo.Unary.FullName, RawClient.Frame([]), ("k-bin", "a?b"));
        Assert.Equal("13", RawClient.Status(response));
    }

    [Theory]
    [InlineData("1H", 3600_000)]
    [InlineData("2M", 120_000)]
    [InlineData("3S", 3_000)]
    [InlineData("99999999m", 99_999_999)]
    [InlineData("5000u", 5)]
    [InlineData("1000000n", 1)]
    public void TimeoutsAreDecoded(string text, double milliseconds)
    {
        Assert.True(TimeoutEncoding.TryDecode(text, out TimeSpan timeout));
        Assert.Equal(milliseconds, timeout.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("1x")]
    [InlineData("-1S")]
    [InlineData("+1S")]
    [InlineData("123456789S")]
    public void InvalidTimeoutsAreNotDecoded(string text) => Assert.False(TimeoutEncoding.TryDecode(text, out _));

    [Fact]
    public void TimeoutsSurviveTheRoundTripRoundedUp()
    {
        Random random = new(4);
        for (int i = 0; i < 10_000; i++)
        {
            TimeSpan value = TimeSpan.FromTicks(random.NextInt64(1, 1L << random.Next(1, 60)));
            string text = TimeoutEncoding.Encode(value);
            Assert.InRange(text.Length, 2, 9);
            Assert.True(TimeoutEncoding.TryDecode(text, out TimeSpan back));
            Assert.True(back >= value || text == "99999999H", text);
        }
    }

    [Fact]
    public void PercentEncodingSurvivesTheRoundTrip()
    {
        Random random = new(7);
        for (int i = 0; i < 5_000; i++)
        {
            string text = new([.. Enumerable.Range(0, random.Next(20)).Select(_ => (char)random.Next(1, 0xd7ff))]);
            string encoded = PercentEncoding.Encode(text);
            Assert.True(encoded.All(c => c is >= ' ' and <= '~'));
            Assert.Equal(text, PercentEncoding.Decode(encoded));
        }

        Assert.Equal("100%", PercentEncoding.Decode("100%"));
        Assert.Equal("%zz %4", PercentEncoding.Decode("%zz %4"));
    }
}
