using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Culvert.Http1;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Seeded and bounded: random messages in random pieces, by two proxies, with peers that may go away at any time.</summary>
public sealed class HttpRelayFuzzTests
{
    private static readonly SemaphoreSlim OneAtATime = new(1);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task EveryRequestGetsItsOwnAnswer(int seed)
    {
        await using ProxyPair pair = Start(out Socket listener);
        using (listener)
        {
            await Task.WhenAll(Enumerable.Range(0, 8).Select(async i =>
            {
                Random random = new((seed * 100) + i);
                for (int round = 0; round < 12; round++)
                {
                    (Socket client, Socket server) = await ConnectAsync(pair, listener);
                    using (client)
                    using (server) await Task.WhenAll(AskAsync(client, random.Next(), 1 + random.Next(12)), AnswerAsync(server, random.Next(), stopsAfter: int.MaxValue)).WaitAsync(TimeSpan.FromSeconds(60));
                }
            }));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task NothingIsLeftOfThoseThatGoAway(int seed)
    {
        await using ProxyPair pair = Start(out Socket listener);
        using (listener)
        {
            await Task.WhenAll(Enumerable.Range(0, 8).Select(async i =>
            {
                Random random = new((seed * 1_000) + i);
                for (int round = 0; round < 20; round++)
                {
                    (Socket client, Socket server) = await ConnectAsync(pair, listener);
                    Task asking = UnlessGoneAsync(AskAsync(client, random.Next(), 1 + random.Next(6), mayGo: true, stopsAfter: random.Next(3) == 0 ? int.MaxValue : random.Next(20_000)), client, random.Next(2) == 0);
                    Task answering = UnlessGoneAsync(AnswerAsync(server, random.Next(), random.Next(2) == 0 ? int.MaxValue : random.Next(20_000)), server, random.Next(2) == 0);
                    await Task.WhenAll(asking, answering).WaitAsync(TimeSpan.FromSeconds(60));
                }
            }));
            await SocketExtensions.EventuallyAsync(async () => (await pair.CountAsync()).Connections == 0 && (await pair.DestinationProxy.GetStatsAsync()).Sum(s => s.Connections) == 0);
            Assert.Equal(0, (await pair.SourceProxy.GetStatsAsync()).Concat(await pair.DestinationProxy.GetStatsAsync()).Sum(s => s.BufferedBytes));
        }
    }

    private static ProxyPair Start(out Socket listener)
    {
        ProxyPair pair = new();
        pair.Destination.ApplicationProtocol = "http";
        listener = pair.ListenByTunnel();
        Func<SocketEndPoint, OutboundRoute> route = pair.Source.Route;
        pair.Source.Route = destination => route(destination) with { ApplicationProtocol = "http" };
        return pair;
    }

    // Whose connection was accepted is known by order.
    private static async Task<(Socket Client, Socket Server)> ConnectAsync(ProxyPair pair, Socket listener)
    {
        await OneAtATime.WaitAsync();
        try
        {
            return await pair.ConnectAsync(listener);
        }
        finally
        {
            OneAtATime.Release();
        }
    }

    private static async Task UnlessGoneAsync(Task work, Socket socket, bool resets)
    {
        try
        {
            await work;
        }
        catch (Exception e) when (e is SocketException or EndOfStreamException or ObjectDisposedException)
        {
            // The other has gone.
        }

        if (resets) socket.Reset();
        else socket.Dispose();
    }

    // Sends requests, some of them ahead, and reads their answers.
    private static async Task AskAsync(Socket socket, int seed, int count, bool mayGo = false, int stopsAfter = int.MaxValue)
    {
        Random random = new(seed);
        List<(bool IsHead, string Body)> asked = [];
        StringBuilder text = new();
        for (int i = 0; i < count; i++)
        {
            bool isHead = random.Next(5) == 0;
            string body = isHead || random.Next(3) == 0 ? "" : $"{i} {new string((char)('a' + random.Next(26)), random.Next(random.Next(4) == 0 ? 40_000 : 300))}";
            asked.Add((isHead, body));
            text.Append(CultureInfo.InvariantCulture, $"{(isHead ? "HEAD" : body.Length == 0 ? "GET" : "POST")} /{i} HTTP/1.1\r\nHost: x\r\n");
            text.Append(random.Next(2) == 0 && body.Length > 0 ? $"Transfer-Encoding: chunked\r\n\r\n{Chunks(body, random)}" : body.Length > 0 ? $"Content-Length: {body.Length}\r\n\r\n{body}" : "\r\n");
        }

        Task sending = SendInPiecesAsync(socket, text.ToString(), random.Next(), stopsAfter);
        MessageReader reader = new(socket);
        if (stopsAfter == int.MaxValue)
        {
            for (int i = 0; i < count; i++)
            {
                (_, string body, Http1Head head) = await reader.NextAsync(isRequest: false, asked[i].IsHead);
                int status = head.Fields.Status;
                if (status < 200)
                {
                    i--;
                    continue;
                }

                if (status >= 500 && mayGo) throw new EndOfStreamException("the proxy says so");
                Assert.Equal($"/{i}", Encoding.ASCII.GetString(Header(head, "x-path")));
                if (status == 200 && !asked[i].IsHead) Assert.Equal($"/{i} {asked[i].Body}", body);
            }
        }

        await sending;
        socket.Shutdown(SocketShutdown.Send);
    }

    // Answers with the path and body of each request.
    private static async Task AnswerAsync(Socket socket, int seed, int stopsAfter)
    {
        Random random = new(seed);
        MessageReader reader = new(socket);
        int sent = 0;
        while (true)
        {
            (string path, string body, _) = await reader.NextAsync(isRequest: true, isHead: false, mayEnd: true);
            if (path.Length == 0) return;
            StringBuilder text = new();
            if (random.Next(4) == 0) text.Append("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n");
            bool isHead = reader.IsHead;
            string answer = $"{path} {body}";
            text.Append(random.Next(6) == 0
                ? $"HTTP/1.1 204 No Content\r\nx-path: {path}\r\n\r\n"
                : random.Next(2) == 0
                    ? $"HTTP/1.1 200 OK\r\nx-path: {path}\r\nContent-Length: {answer.Length}\r\n\r\n{(isHead ? "" : answer)}"
                    : $"HTTP/1.1 200 OK\r\nx-path: {path}\r\nTransfer-Encoding: chunked\r\n\r\n{(isHead ? "" : Chunks(answer, random))}");
            sent += text.Length;
            await SendInPiecesAsync(socket, text.ToString(), random.Next(), stopsAfter - sent + text.Length);
            if (sent > stopsAfter) return;
        }
    }

    private static ReadOnlySpan<byte> Header(Http1Head head, string name) => head.Fields.TryGet(Encoding.ASCII.GetBytes(name), out ReadOnlySpan<byte> value) ? value : default;

    private static string Chunks(string body, Random random)
    {
        StringBuilder text = new();
        for (int at = 0; at < body.Length;)
        {
            int size = 1 + random.Next(Math.Min(body.Length - at, random.Next(3) == 0 ? 20 : 20_000));
            text.Append(CultureInfo.InvariantCulture, $"{size:x}\r\n{body.AsSpan(at, size)}\r\n");
            at += size;
        }

        return text.Append("0\r\n\r\n").ToString();
    }

    private static async Task SendInPiecesAsync(Socket socket, string text, int seed, int most)
    {
        Random random = new(seed);
        byte[] bytes = Encoding.Latin1.GetBytes(text);
        int end = Math.Min(bytes.Length, Math.Max(0, most));
        for (int at = 0; at < end;)
        {
            int size = Math.Min(end - at, 1 + random.Next(random.Next(3) == 0 ? 10 : 8_000));
            await socket.SendAllAsync(bytes.AsMemory(at, size));
            at += size;
            if (random.Next(4) == 0) await Task.Yield();
        }
    }

    /// <summary>Reads messages off a socket.</summary>
    private sealed class MessageReader(Socket socket)
    {
        private readonly Http1HeadReader _heads = new(Http1Limits.Default);
        private readonly ChunkedReader _chunks = new(Http1Limits.Default);
        private byte[] _bytes = [];

        internal bool IsHead { get; private set; }

        internal async Task<(string Path, string Body, Http1Head Head)> NextAsync(bool isRequest, bool isHead, bool mayEnd = false)
        {
            Http1Head head = new();
            HeadResult result;
            while ((result = isRequest ? _heads.ReadRequest(_bytes, head) : _heads.ReadResponse(_bytes, isHead, head)).NeedsMore)
            {
                if (!await MoreAsync()) return mayEnd && _bytes.Length == 0 ? ("", "", head) : throw new EndOfStreamException();
            }

            Assert.Null(result.Refusal);
            _bytes = _bytes[result.Consumed..];
            IsHead = head.Fields.Method.SequenceEqual("HEAD"u8);
            string path = Encoding.ASCII.GetString(head.Fields.Path);
            StringBuilder body = new();
            if (head.Body == BodyKind.Chunked)
            {
                _chunks.Begin();
                while (true)
                {
                    ChunkResult chunk = _chunks.Read(_bytes);
                    Assert.Null(chunk.Refusal);
                    body.Append(Encoding.Latin1.GetString(_bytes.AsSpan(chunk.Data)));
                    _bytes = _bytes[chunk.Consumed..];
                    if (chunk.IsEnd) break;
                    if (chunk.Consumed == 0 && !await MoreAsync()) throw new EndOfStreamException();
                }
            }
            else
            {
                while (_bytes.Length < head.Length)
                {
                    if (!await MoreAsync()) throw new EndOfStreamException();
                }

                body.Append(Encoding.Latin1.GetString(_bytes.AsSpan(0, (int)head.Length)));
                _bytes = _bytes[(int)head.Length..];
            }

            return (path, body.ToString(), head);
        }

        private async Task<bool> MoreAsync()
        {
            byte[] room = new byte[16_384];
            int count = await socket.ReceiveAsync(room).WaitAsync(TimeSpan.FromSeconds(30));
            _bytes = [.. _bytes, .. room.AsSpan(0, count)];
            return count > 0;
        }
    }
}
