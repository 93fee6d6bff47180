using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>What a server echoes while it still receives is, byte for byte, what its client sent, whatever versions of HTTP the two speak.</summary>
public sealed class BodyIntegrityTests
{
    private static readonly long[] Sizes = [0, 1, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 64 * 1024, 1024 * 1024, 64 * 1024 * 1024];

    public static TheoryData<HttpProtocols, HttpProtocols, bool> Ways
    {
        get
        {
            TheoryData<HttpProtocols, HttpProtocols, bool> ways = [];
            foreach (HttpProtocols client in (HttpProtocols[])[HttpProtocols.Http1, HttpProtocols.Http2])
            {
                foreach (HttpProtocols server in (HttpProtocols[])[HttpProtocols.Http1, HttpProtocols.Http2])
                {
                    ways.Add(client, server, false);
                    ways.Add(client, server, true);
                }
            }

            return ways;
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task WhatComesBackIsWhatWasSent(HttpProtocols client, HttpProtocols server, bool isNear)
    {
        await using RoutingLab lab = await EchoAsync(client, server, isNear);
        foreach (long size in Sizes)
        {
            foreach (bool hasLength in (bool[])[true, false]) await EchoAsync(lab, client, new GeneratedBody(size, hasLength));
        }
    }

    [Theory]
    [MemberData(nameof(RoutingTests.Versions), MemberType = typeof(RoutingTests))]
    public async Task AGibibyteComesBackAsItWasSent(HttpProtocols client, HttpProtocols server)
    {
        await using RoutingLab lab = await EchoAsync(client, server, isNear: false);
        await EchoAsync(lab, client, new GeneratedBody(1L << 30, hasLength: server == HttpProtocols.Http1));
    }

    [Theory]
    [InlineData(HttpProtocols.Http1)]
    [InlineData(HttpProtocols.Http2)]
    public async Task RequestsThatAreResetChangeNothingOfOthersOnTheirConnection(HttpProtocols server)
    {
        await using RoutingLab lab = await EchoAsync(HttpProtocols.Http2, server, isNear: false);
        Task[] whole = [.. Enumerable.Range(0, 8).Select(async i =>
        {
            GeneratedBody body = new(4_000_000 + i, hasLength: i % 2 == 0);
            byte[] received = await EchoByHttp2Async(lab, body);
            Assert.True(body.Hash.AsSpan().SequenceEqual(received), $"body {i}");
        })];
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => ResetAsync(lab, isByServer: i % 2 == 0)));
        await Task.WhenAll(whole);
        Assert.Empty(lab.Pair.Source.Faults);
    }

    private static async Task ResetAsync(RoutingLab lab, bool isByServer)
    {
        using HttpRequestMessage request = lab.Request(HttpMethod.Post, isByServer ? "/reset" : "/echo");
        request.Content = new GeneratedBody(2_000_000, hasLength: false);
        using CancellationTokenSource gone = new();
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            using HttpResponseMessage response = await lab.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, gone.Token);
            Stream answer = await response.Content.ReadAsStreamAsync(gone.Token);
            await answer.ReadExactlyAsync(new byte[50_000], gone.Token);
            if (!isByServer) await gone.CancelAsync();
            await answer.CopyToAsync(Stream.Null, gone.Token);
        });
    }

    private static async Task EchoAsync(RoutingLab lab, HttpProtocols client, GeneratedBody body)
    {
        byte[] received = client == HttpProtocols.Http1 ? await EchoByHttp1Async(lab, body) : await EchoByHttp2Async(lab, body);
        Assert.True(body.Hash.AsSpan().SequenceEqual(received), $"{body.Size} bytes, {(body.Length is null ? "without" : "with")} a length");
    }

    private static async Task<byte[]> EchoByHttp2Async(RoutingLab lab, GeneratedBody body)
    {
        using HttpRequestMessage request = lab.Request(HttpMethod.Post, "/echo");
        request.Content = body;
        using HttpResponseMessage response = await lab.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await SHA256.HashDataAsync(await response.Content.ReadAsStreamAsync());
    }

    // By a socket: the client of .NET sends all before it receives anything.
    private static async Task<byte[]> EchoByHttp1Async(RoutingLab lab, GeneratedBody body)
    {
        await using NetworkStream stream = new(await lab.Pair.ConnectClientAsync(), ownsSocket: true);
        string framing = body.Length is { } length ? $"content-length: {length}" : "transfer-encoding: chunked";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{framing}\r\n\r\n"));
        Task sent = body.SendAsync(stream, inChunks: body.Length is null);
        await using BufferedStream answer = new(stream, 64 * 1024);
        Assert.Equal("HTTP/1.1 200 OK", await LineAsync(answer));
        bool isChunked = false;
        for (string field = await LineAsync(answer); field.Length > 0; field = await LineAsync(answer)) isChunked |= field == "transfer-encoding: chunked";
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] room = new byte[64 * 1024];
        for (long left = isChunked ? await ChunkAsync(answer) : body.Size; left > 0;)
        {
            int read = await answer.ReadAsync(room.AsMemory(0, (int)Math.Min(left, room.Length)));
            Assert.NotEqual(0, read);
            hash.AppendData(room, 0, read);
            left -= read;
            if (left > 0 || !isChunked) continue;
            Assert.Equal("", await LineAsync(answer));
            left = await ChunkAsync(answer);
        }

        await sent;
        return hash.GetHashAndReset();
    }

    private static async Task<long> ChunkAsync(Stream stream) => long.Parse(await LineAsync(stream), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static async Task<string> LineAsync(Stream stream)
    {
        StringBuilder line = new();
        byte[] one = new byte[1];
        while (line.Length < 2 || line[^1] != '\n')
        {
            await stream.ReadExactlyAsync(one);
            line.Append((char)one[0]);
        }

        return line.ToString(0, line.Length - 2);
    }

    private static async Task<RoutingLab> EchoAsync(HttpProtocols client, HttpProtocols server, bool isNear)
    {
        RoutingLab lab = new(client, server);
        await lab.AddServerAsync("web", async context =>
        {
            if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { } limit) limit.MaxRequestBodySize = null;
            context.Response.ContentLength = context.Request.ContentLength;
            if (context.Request.Path == "/reset")
            {
                byte[] half = new byte[1_000_000];
                await context.Request.Body.ReadExactlyAsync(half);
                await context.Response.Body.WriteAsync(half);
                context.Abort();
                return;
            }

            await context.Request.Body.CopyToAsync(context.Response.Body);
        });
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        if (isNear) lab.BringNear();
        return lab;
    }
}
