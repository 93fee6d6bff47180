using Culvert.Tests.Shared;
using Foreign.Words.V1;
using Grpc.Net.Client;

namespace Culvert.GrpcHosting.Tests;

/// <summary>A service of which nothing but its proto is known works with the stubs that Grpc.Tools generates from it, on both sides.</summary>
public sealed class GeneratedStubTests
{
    [Fact(Timeout = 30_000)]
    public async Task EveryKindOfCallGoesThroughGeneratedStubs()
    {
        await using TestServer server = await TestServer.StartAsync(Words.BindService(new WordsService()));
        using GrpcChannel channel = server.Connect();
        Words.WordsClient client = new(channel);

        Assert.Equal("A", (await client.UpperAsync(new Word { Text = "a" })).Text);

        using AsyncClientStreamingCall<Word, Word> join = client.Join();
        await join.RequestStream.WriteAsync(new Word { Text = "a" });
        await join.RequestStream.WriteAsync(new Word { Text = "b" });
        await join.RequestStream.CompleteAsync();
        Assert.Equal("a b", (await join).Text);

        using AsyncServerStreamingCall<Word> split = client.Split(new Word { Text = "a b" });
        Assert.Equal(["a", "b"], await split.ResponseStream.ReadAllAsync().Select(word => word.Text).ToArrayAsync(TestContext.Current.CancellationToken));

        using AsyncDuplexStreamingCall<Word, Word> echo = client.Echo();
        await echo.RequestStream.WriteAsync(new Word { Text = "c" });
        Assert.True(await echo.ResponseStream.MoveNext());
        Assert.Equal("c", echo.ResponseStream.Current.Text);
        await echo.RequestStream.CompleteAsync();
        Assert.False(await echo.ResponseStream.MoveNext());
    }

    [Fact(Timeout = 30_000)]
    public async Task ABlockingCallReturnsTheResponseOrThrowsTheStatus()
    {
        await using TestServer server = await TestServer.StartAsync(Words.BindService(new WordsService()));
        using GrpcChannel channel = server.Connect();
        Words.WordsClient client = new(channel.CreateCallInvoker());

        Assert.Equal("A", client.Upper(new Word { Text = "a" }, cancellationToken: TestContext.Current.CancellationToken).Text);
        RpcException e = Assert.Throws<RpcException>(() => client.Forgotten(new Word(), cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    [Fact(Timeout = 30_000)]
    public async Task AMethodThatIsNotOverriddenIsUnimplemented()
    {
        await using TestServer server = await TestServer.StartAsync(Words.BindService(new WordsService()));
        using GrpcChannel channel = server.Connect();

        RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await new Words.WordsClient(channel).ForgottenAsync(new Word()));
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
        Assert.Equal(["Forgotten"], GeneratedServices.MethodsLeftOut(typeof(WordsService).Assembly)[nameof(WordsService)]);
    }
}
