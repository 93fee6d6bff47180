using System.Net;
using Culvert.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Tests.Hosting;

public sealed class WebServerTests : IDisposable
{
    private readonly HttpClient _client = new();
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string? _address;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task WhatWasAskedBeforeTheEndIsAnswered()
    {
        WebServer server = Serve(_ => _answer.Task);
        await server.StartAsync(Cancel);
        Task<string> answer = _client.GetStringAsync(_address, Cancel);
        await _asked.Task.WaitAsync(Cancel);

        Task end = server.StopAsync(Cancel);
        _answer.SetResult();
        Assert.Equal("answer", await answer);
        await end;
        await Assert.ThrowsAsync<HttpRequestException>(() => _client.GetStringAsync(_address, Cancel));
    }

    [Fact]
    public async Task WhatIsNeverAnsweredDoesNotKeepTheServerFromItsEnd()
    {
        WebServer server = Serve(aborted => Task.Delay(Timeout.Infinite, aborted));
        await server.StartAsync(Cancel);
        Task<string> answer = _client.GetStringAsync(_address, Cancel);
        await _asked.Task.WaitAsync(Cancel);

        await server.StopAsync(Cancel);
        await Assert.ThrowsAsync<HttpRequestException>(() => answer);
    }

    [Fact]
    public async Task OneThatWasNeverStartedEnds() => await Serve(_ => Task.CompletedTask).StopAsync(Cancel);

    public void Dispose() => _client.Dispose();

    private WebServer Serve(Func<CancellationToken, Task> untilAnswered) => new(
        () =>
        {
            WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
            WebApplication application = builder.Build();
            application.Lifetime.ApplicationStarted.Register(() => _address = application.Urls.First());
            application.Run(async context =>
            {
                _asked.TrySetResult();
                await untilAnswered(context.RequestAborted);
                await context.Response.WriteAsync("answer", context.RequestAborted);
            });
            return application;
        });
}
