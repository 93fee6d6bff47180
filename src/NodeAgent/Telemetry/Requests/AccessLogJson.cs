using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Telemetry.Requests;

/// <summary>Writes requests as lines of JSON, with the names that Envoy's access log has for what both know. What there is none of is left out. Used by one thread.</summary>
internal sealed class AccessLogJson : IDisposable
{
    // Control characters, quotation marks and what is no UTF-8 are escaped or replaced by it, too: only what would matter inside of HTML stands as it is.
    private readonly Utf8JsonWriter _writer = new(new ArrayBufferWriter<byte>(), new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>Writes one.</summary>
    internal void Write(RequestRecord record, ArrayBufferWriter<byte> to)
    {
        _writer.Reset(to);
        _writer.WriteStartObject();
        WriteRequest(record);
        WriteResponse(record);
        WriteEnds(record);
        WriteHeaders(record);
        _writer.WriteEndObject();
        _writer.Flush();
        to.Write("\n"u8);
    }

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    private void WriteRequest(RequestRecord record)
    {
        _writer.WriteString("start_time"u8, RequestFields.TimeOf(record));
        WriteText("method"u8, record, record.Method);
        WriteText("authority"u8, record, record.Authority);
        WriteText("path"u8, record, record.Path);
        _writer.WriteString("protocol"u8, record.Protocol);
        WriteText("user_agent"u8, record, record.UserAgent);
        WriteText("request_id"u8, record, record.RequestId);
        WriteText("trace_id"u8, RequestFields.TraceOf(record));
    }

    private void WriteResponse(RequestRecord record)
    {
        _writer.WriteNumber("response_code"u8, record.Status);
        if (record.Grpc >= GrpcStatus.Ok) _writer.WriteNumber("grpc_status"u8, (int)record.Grpc);
        WriteText("proxy_error"u8, record.Error);
        WriteText("response_code_details"u8, record.Details);
        WriteText("response_cache"u8, CacheResults.LabelOf(record.Cache));
        _writer.WriteNumber("bytes_received"u8, record.BytesReceived);
        _writer.WriteNumber("bytes_sent"u8, record.BytesSent);
        _writer.WriteNumber("duration"u8, RequestFields.MillisecondsOf(record));
        _writer.WriteNumber("retries"u8, record.Retries);
        WriteText("upstream_host"u8, RequestFields.UpstreamOf(record)?.ToString());
        WriteText("route_name"u8, RequestFields.RouteOf(record));
    }

    private void WriteEnds(RequestRecord record)
    {
        FlowRecord client = record.Client!.Connection, server = record.Server!.Connection;
        _writer.WriteString("reporter"u8, record.Client.Reporter);
        _writer.WriteString("downstream_remote_address"u8, client.Source.ToString());
        _writer.WriteString("downstream_local_address"u8, client.Destination.ToString());
        WriteWorkload("source_workload"u8, "source_workload_namespace"u8, client.SourceWorkload);
        WriteText("source_principal"u8, client.SourceIdentity);
        WriteWorkload("destination_workload"u8, "destination_workload_namespace"u8, server.DestinationWorkload);
        WriteText("destination_principal"u8, server.DestinationIdentity);
        WriteText("destination_service"u8, (server.Service ?? client.Service)?.ToString());
    }

    private void WriteHeaders(RequestRecord record)
    {
        byte[][] names = record.Settings!.Headers;
        if (names.Length == 0) return;
        _writer.WriteStartObject("headers"u8);
        for (int i = 0; i < names.Length; i++) WriteText(names[i], record, record.Header(i));
        _writer.WriteEndObject();
    }

    private void WriteWorkload(ReadOnlySpan<byte> name, ReadOnlySpan<byte> ofNamespace, WorkloadInfo? workload)
    {
        if (workload is null) return;
        _writer.WriteString(name, workload.Name.Name);
        _writer.WriteString(ofNamespace, workload.Name.Namespace);
    }

    private void WriteText(ReadOnlySpan<byte> name, string? text)
    {
        if (text is not null) _writer.WriteString(name, text);
    }

    // What others have said need not be UTF-8; as Latin-1, which HTTP has, every byte is a character.
    private void WriteText(ReadOnlySpan<byte> name, RequestRecord record, NotedText noted)
    {
        if (noted.Length < 0) return;
        ReadOnlySpan<byte> text = record.TextOf(noted);
        if (Ascii.IsValid(text)) _writer.WriteString(name, text);
        else _writer.WriteString(name, Encoding.Latin1.GetString(text));
    }
}
