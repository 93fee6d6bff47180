using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Labs;

namespace Culvert.SystemTests.Peers;

/// <summary>Asks an agent's own HTTP ports from a place, as plainly as can be: who is refused is told nothing.</summary>
internal static class AgentPorts
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>What is received first of the answer to a GET; empty when the connection is refused, reset or closed without one.</summary>
    public static async Task<string> AskAsync(LabNamespace from, IPEndPoint at, string path, string? token = null)
    {
        using var socket = from.CreateSocket(at.AddressFamily);
        try
        {
            await socket.ConnectAsync(at).WaitAsync(Patience);
            var authorization = token is null ? "" : string.Create(CultureInfo.InvariantCulture, $"Authorization: Bearer {token}\r\n");
            await socket.SendAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: x\r\n{authorization}\r\n"));
            var buffer = new byte[4096];
            return Encoding.ASCII.GetString(buffer, 0, await socket.ReceiveAsync(buffer).WaitAsync(Patience));
        }
        catch (SocketException)
        {
            return "";
        }
    }
}
