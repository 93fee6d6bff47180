using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using Culvert.Core;
using Culvert.Http2;
using Google.Protobuf;

namespace Culvert.NodeAgent.Proxy.Http.OwnCalls;

/// <summary>Calls of gRPC that the proxy makes itself, with one message each way.</summary>
internal static class GrpcMessage
{
    // Of gRPC: whether it is compressed, and the length (gRPC over HTTP/2, "Length-Prefixed-Message").
    private const int PrefixLength = 5;

    /// <summary>Puts the head of a call together.</summary>
    /// <param name="head">Where it goes to.</param>
    /// <param name="service">Who is called.</param>
    /// <param name="path">The method's path.</param>
    /// <param name="timeout">How long it may take.</param>
    internal static void AddHead(HeaderList head, NamespacedName service, string path, TimeSpan timeout) => head
        .Add(":method"u8, "POST"u8)
        .Add(":scheme"u8, "http"u8)
        .Add(":authority"u8, Encoding.ASCII.GetBytes($"{service.Name}.{service.Namespace}"))
        .Add(":path"u8, Encoding.ASCII.GetBytes(path))
        .Add("te"u8, "trailers"u8)
        .Add("content-type"u8, "application/grpc"u8)
        .Add("grpc-timeout"u8, Encoding.ASCII.GetBytes($"{(long)timeout.TotalMilliseconds}m"));

    /// <summary>The body of a call.</summary>
    internal static byte[] Frame(IMessage message)
    {
        byte[] body = new byte[PrefixLength + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(1), body.Length - PrefixLength);
        message.WriteTo(body.AsSpan(PrefixLength));
        return body;
    }

    /// <summary>Finds the message of an answer.</summary>
    /// <param name="status">Its status of HTTP.</param>
    /// <param name="fields">Its head and trailers.</param>
    /// <param name="body">Its body.</param>
    /// <param name="message">The message.</param>
    /// <param name="grpcStatus">Its status of gRPC; -1: none.</param>
    /// <returns>What is wrong with it; null: nothing.</returns>
    internal static string? Read(int status, HeaderList fields, ReadOnlySpan<byte> body, out ReadOnlySpan<byte> message, out int grpcStatus)
    {
        message = default;
        grpcStatus = -1;
        if (status != 200) return $"it answers with status {status} of HTTP";
        if (!fields.TryGet("grpc-status"u8, out ReadOnlySpan<byte> code)) return "its answer has no grpc-status";
        grpcStatus = int.TryParse(code, out int number) ? number : -1;
        if (grpcStatus != 0) return $"it answers with status {grpcStatus} of gRPC";
        if (body.Length < PrefixLength || body[0] != 0 || BinaryPrimitives.ReadUInt32BigEndian(body[1..]) != body.Length - PrefixLength) return "its answer is not one plain message of gRPC";
        message = body[PrefixLength..];
        return null;
    }

    /// <summary>A text for a message. What is no UTF-8 has '!' for each byte that is none, as Envoy has it.</summary>
    internal static string TextOf(ReadOnlySpan<byte> text) => Utf8.IsValid(text) ? Encoding.UTF8.GetString(text) : string.Create(text.Length, text, static (room, bytes) =>
    {
        for (int i = 0; i < bytes.Length; i++) room[i] = bytes[i] < 0x80 ? (char)bytes[i] : '!';
    });
}
