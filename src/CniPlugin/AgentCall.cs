using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Culvert.Cni;

namespace Culvert.CniPlugin;

/// <summary>One HTTP/1.1 exchange with the agent (RFC 9112), over its Unix socket. By hand: a client of the framework takes longer to be made than all else here together.</summary>
internal static class AgentCall
{
    private const int LongestAnswer = 65_536;

    private static ReadOnlySpan<byte> EndOfHead => "\r\n\r\n"u8;

    /// <summary>Sends a request and waits for the answer.</summary>
    /// <param name="path">Path of the socket.</param>
    /// <param name="request">The request.</param>
    /// <param name="timeout">How long all of it may take.</param>
    /// <exception cref="AgentCallException">There is no agent, or it has not answered in time, or not as it should.</exception>
    internal static CniAnswer Send(string path, CniRequest request, TimeSpan timeout)
    {
        long start = Stopwatch.GetTimestamp();
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(request, CniJson.Default.CniRequest);
        byte[] head = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"POST /cni HTTP/1.1\r\nHost: culvert\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n"));
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        byte[] answer = new byte[LongestAnswer];
        int length = 0;
        try
        {
            // An agent that takes no connections has the kernel wait for as long as for one that takes no bytes.
            socket.SendTimeout = Left(start, timeout);
            socket.Connect(new UnixDomainSocketEndPoint(path));
            SendAll(socket, [.. head, .. body], start, timeout);
            while (true)
            {
                if (length == answer.Length) throw new AgentCallException($"has answered with more than {LongestAnswer} bytes");
                socket.ReceiveTimeout = Left(start, timeout);
                int read = socket.Receive(answer.AsSpan(length));
                if (read == 0) break;
                length += read;
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock or SocketError.TryAgain)
        {
            throw Late(timeout);
        }
        catch (SocketException e)
        {
            // A connection that ends in the middle is an agent that was stopped: another one will come.
            throw new AgentCallException(e.SocketErrorCode switch
            {
                SocketError.ConnectionRefused or SocketError.AddressNotAvailable => "does not run",
                SocketError.AccessDenied => "can't be asked: access to its socket is denied",
                SocketError.ConnectionReset or SocketError.Shutdown => "has ended before it answered",
                _ => $"can't be asked ({e.SocketErrorCode})",
            });
        }
        return Read(answer.AsSpan(0, length));
    }

    private static void SendAll(Socket socket, byte[] bytes, long start, TimeSpan timeout)
    {
        for (int sent = 0; sent < bytes.Length;)
        {
            socket.SendTimeout = Left(start, timeout);
            sent += socket.Send(bytes.AsSpan(sent));
        }
    }

    // In ms, of which 0 would mean for ever.
    private static int Left(long start, TimeSpan timeout)
    {
        double left = (timeout - Stopwatch.GetElapsedTime(start)).TotalMilliseconds;
        return left >= 1 ? (int)left : throw Late(timeout);
    }

    private static AgentCallException Late(TimeSpan timeout) => new(string.Create(CultureInfo.InvariantCulture, $"has not answered within {timeout.TotalSeconds} s"));

    /// <summary>Reads an answer, of bytes that anybody may have written.</summary>
    /// <exception cref="AgentCallException">It is none.</exception>
    internal static CniAnswer Read(ReadOnlySpan<byte> answer)
    {
        if (answer.IsEmpty) throw new AgentCallException("has ended before it answered");
        int end = answer.IndexOf(EndOfHead);
        if (end < 0 || !answer.StartsWith("HTTP/1.1 "u8) || answer.Length < 12) throw new AgentCallException("has not answered in HTTP: something else listens at its socket");
        ReadOnlySpan<byte> status = answer[9..12];
        if (!status.SequenceEqual("200"u8)) throw new AgentCallException($"has refused the call ({Encoding.Latin1.GetString(status)}): it may be of another version than this plugin");
        try
        {
            return JsonSerializer.Deserialize(answer[(end + EndOfHead.Length)..], CniJson.Default.CniAnswer) ?? throw new AgentCallException("has answered nothing");
        }
        catch (JsonException)
        {
            throw new AgentCallException("has answered in a form that is not known: it may be of another version than this plugin");
        }
    }
}
