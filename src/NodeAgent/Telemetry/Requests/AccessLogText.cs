using System.Buffers;
using System.Globalization;
using System.Text;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Telemetry.Requests;

/// <summary>
/// Writes requests as lines of text: each part in its place, <c>-</c> where there is none. What others have said stands in quotation marks, and of it everything but printable ASCII as <c>\xNN</c>, so that no request can end a line, or
/// say something to a terminal.
/// </summary>
internal static class AccessLogText
{
    private static ReadOnlySpan<byte> Digits => "0123456789abcdef"u8;

    /// <summary>Writes one.</summary>
    internal static void Write(RequestRecord record, ArrayBufferWriter<byte> to)
    {
        FlowRecord client = record.Client!.Connection, server = record.Server!.Connection;
        Put(to, $"[{RequestFields.TimeOf(record)}] \"");
        Escape(to, record.TextOf(record.Method), ifEmpty: "-"u8);
        to.Write(" "u8);
        Escape(to, record.TextOf(record.Path), ifEmpty: "-"u8);
        Put(to, $" {record.Protocol}\" {record.Status} {RequestFields.GrpcOf(record) ?? "-"} {record.Error ?? "-"} ");
        Quote(to, record.Details);
        Put(to, $" {record.BytesReceived} {record.BytesSent} {RequestFields.MillisecondsOf(record)} {record.Retries} ");
        Quote(to, record, record.UserAgent);
        Quote(to, record, record.RequestId);
        Quote(to, record, record.Authority);
        Put(to, $"{RequestFields.UpstreamOf(record)?.ToString() ?? "-"} {client.Source} {client.Destination} {record.Client.Reporter} ");
        Put(to, $"{WorkloadOf(client.SourceWorkload)} {client.SourceIdentity ?? "-"} {WorkloadOf(server.DestinationWorkload)} {server.DestinationIdentity ?? "-"} {server.Service?.ToString() ?? client.Service?.ToString() ?? "-"} ");
        Quote(to, RequestFields.RouteOf(record));
        Put(to, $" {RequestFields.TraceOf(record) ?? "-"} {CacheResults.LabelOf(record.Cache) ?? "-"}");
        for (int i = 0; i < record.Settings!.Headers.Length; i++)
        {
            to.Write(" "u8);
            to.Write(record.Settings.Headers[i]);
            to.Write("="u8);
            Quoted(to, record.TextOf(record.Header(i)), isThere: record.Header(i).Length >= 0);
        }

        to.Write("\n"u8);
    }

    private static string WorkloadOf(WorkloadInfo? workload) => workload?.Name.ToString() ?? "-";

    private static void Put(ArrayBufferWriter<byte> to, FormattableString text) => Encoding.ASCII.GetBytes(text.ToString(CultureInfo.InvariantCulture), to);

    private static void Quote(ArrayBufferWriter<byte> to, string? text) => Quoted(to, Encoding.ASCII.GetBytes(text ?? ""), text is not null);

    private static void Quote(ArrayBufferWriter<byte> to, RequestRecord record, NotedText noted)
    {
        Quoted(to, record.TextOf(noted), noted.Length >= 0);
        to.Write(" "u8);
    }

    private static void Quoted(ArrayBufferWriter<byte> to, ReadOnlySpan<byte> text, bool isThere)
    {
        if (!isThere)
        {
            to.Write("-"u8);
            return;
        }

        to.Write("\""u8);
        Escape(to, text, ifEmpty: default);
        to.Write("\""u8);
    }

    private static void Escape(ArrayBufferWriter<byte> to, ReadOnlySpan<byte> text, ReadOnlySpan<byte> ifEmpty)
    {
        if (text.IsEmpty) to.Write(ifEmpty);
        foreach (byte b in text)
        {
            bool isPlain = b is >= 0x20 and < 0x7f and not ((byte)'"' or (byte)'\\');
            to.Advance(isPlain ? Copy([b], to.GetSpan(1)) : Copy([(byte)'\\', (byte)'x', Digits[b >> 4], Digits[b & 15]], to.GetSpan(4)));
        }
    }

    private static int Copy(ReadOnlySpan<byte> bytes, Span<byte> to)
    {
        bytes.CopyTo(to);
        return bytes.Length;
    }
}
