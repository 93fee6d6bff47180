using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.CustomResources;

/// <summary>What MeshConfig says of the access log and of traces.</summary>
internal static class TelemetrySchema
{
    /// <summary>The access log.</summary>
    public static SchemaNode AccessLog => Nodes.Object(
        "The access log of requests of HTTP, which the nodes write.",
        new SchemaField("mode", Nodes.Words<AccessLogMode>("Which requests: none (DISABLED), those that failed (ERRORS: a status of 500 or above, or one of gRPC that says so of the server, no answer, or one of the proxy in the server's place), or all of which samplingPercent are drawn (ALL).")) { Default = "DISABLED" },
        new SchemaField("format", Nodes.Words<AccessLogFormat>("How one stands there: an object of JSON on a line, or a line of text.")) { Default = "JSON" },
        new SchemaField("samplingPercent", Percent("Of how many requests in a hundred, those that failed left aside.")) { Default = "100" },
        new SchemaField("sampleErrors", Nodes.Flag("Whether requests that failed are drawn as all others are; else each is written.")) { Default = "false" },
        new SchemaField("query", Nodes.Flag("Whether paths are written with their queries, which is where applications have secrets.")) { Default = "false" },
        new SchemaField("headers", Nodes.List("Fields of requests that are written besides, in lower case. Those whose values are secrets, as authorization and cookie, are not taken.", Nodes.Text("A field.", TelemetryReader.HeaderPattern, TelemetryReader.LongestHeader), TelemetryReader.MostHeaders)));

    /// <summary>Traces.</summary>
    public static SchemaNode Tracing => Nodes.Object(
        "Traces of requests of HTTP: W3C trace context and B3.",
        new SchemaField("mode", Nodes.Words<TracingMode>("Whether proxies take part in them; else they pass what requests say of them as it is.")) { Default = "DISABLED" },
        new SchemaField("samplingPercent", Percent("Of how many requests in a hundred that come without a trace one is recorded.")) { Default = "1" },
        new SchemaField("endpoint", Nodes.Text("The URL of the collector that spans are sent to, by OTLP: over HTTP (http://, https://; without a path, /v1/traces is added) or over gRPC (grpc://, grpcs://; without a port, 4317). None: spans are not sent.", "^(https?://[!-~]+|grpcs?://[!-.0-~]+/?)$", OtlpEndpoint.MostCharacters)));

    private static SchemaNode Percent(string description) => new(SchemaType.Number) { Description = description, Minimum = 0, Maximum = 100 };
}
