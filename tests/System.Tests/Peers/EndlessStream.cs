using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Peers;

/// <summary>A stream that nobody ends: what ends it is what is looked for.</summary>
internal static class EndlessStream
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>Kills an agent, as kill -9 does, while a stream flows that its proxy carries, and says what the ends see of it. The agent runs again then.</summary>
    /// <param name="agent">The agent's node.</param>
    /// <param name="from">Where the client is.</param>
    /// <param name="to">Where the server is.</param>
    /// <param name="address">The server's address.</param>
    /// <param name="upload">Whether the client sends, or the server.</param>
    /// <param name="port">The server's port; 0: any.</param>
    public static async Task<(SocketError Server, SocketError Client)> KillAsync(MeshNode agent, LabNamespace from, LabPod to, IPAddress address, bool upload, int port = 0)
    {
        var server = new TaskCompletionSource<SocketError>();
        var flowing = new TaskCompletionSource();
        await using var listener = PeerServer.Start(to, address, async socket => server.SetResult(upload ? await ReceiveAsync(socket, flowing) : await SendAsync(socket)), port);
        using var socket = await PeerServer.ConnectAsync(from, listener.EndPoint);
        var client = upload ? SendAsync(socket) : ReceiveAsync(socket, flowing);
        try
        {
            var first = await Task.WhenAny(flowing.Task, client, server.Task).WaitAsync(Limit);
            if (first != flowing.Task)
            {
                Assert.Fail($"before anything has come by {listener.EndPoint} {(first == client ? $"the client's end saw {await client}" : $"the server's end saw {await server.Task}")}\n{await WhatHappenedAsync(agent, socket)}");
            }
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"nothing has come within {Limit.TotalSeconds} s by {listener.EndPoint}\n{await SocketsAsync(from, agent.Place, to)}", e);
        }

        await agent.KillAgentAsync();
        try
        {
            return (await server.Task.WaitAsync(Limit), await client.WaitAsync(Limit));
        }
        finally
        {
            await agent.StartAgentAsync();
        }
    }

    // What the agent knows of the connection, and what it has had to say.
    private static async Task<string> WhatHappenedAsync(MeshNode agent, Socket client)
    {
        var port = (uint)((IPEndPoint)client.LocalEndPoint!).Port;
        var flows = await agent.FlowsAsync();
        return $"flows from port {port}:\n{string.Join('\n', flows.Where(f => f.Source?.Port == port))}\nlog:\n{agent.Agent?.LogTail(60)}";
    }

    // Where the stream is held up. Ends that have closed tell nothing, and there may be very many.
    private static async Task<string> SocketsAsync(params LabNamespace[] places) =>
        string.Join('\n', await Task.WhenAll(places.Select(async p => $"{p.Name}:\n{await p.ScriptAsync("ss -Htnpimo")}")));

    /// <summary>Receives until something ends it.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="flowing">Set when the first bytes have come.</param>
    /// <returns>Success for an orderly end, which looks like a whole transfer.</returns>
    private static async Task<SocketError> ReceiveAsync(Socket socket, TaskCompletionSource flowing)
    {
        try
        {
            var buffer = new byte[64 * 1024];
            while (await socket.ReceiveAsync(buffer) > 0)
            {
                flowing.TrySetResult();
            }

            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }

    /// <summary>Sends until that fails, and says how.</summary>
    private static async Task<SocketError> SendAsync(Socket socket)
    {
        try
        {
            while (true)
            {
                await PeerServer.SendAllAsync(socket, new byte[64 * 1024]);
            }
        }
        catch (SocketException e)
        {
            // A write after the reset was seen by another call fails as EPIPE.
            return e.SocketErrorCode == SocketError.Shutdown ? SocketError.ConnectionReset : e.SocketErrorCode;
        }
    }
}
