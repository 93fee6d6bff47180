using Google.Protobuf.WellKnownTypes;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Methods of a test service, one per type of call.</summary>
internal static class Echo
{
    internal const string Service = "culvert.test.Echo";

    private static readonly Marshaller<StringValue> Text = ProtobufMarshaller.For(StringValue.Parser);
    private static readonly Marshaller<BytesValue> Bytes = ProtobufMarshaller.For(BytesValue.Parser);

    internal static readonly Method<StringValue, StringValue> Unary = new(MethodType.Unary, Service, "Unary", Text, Text);

    internal static readonly Method<BytesValue, BytesValue> UnaryBytes = new(MethodType.Unary, Service, "UnaryBytes", Bytes, Bytes);

    internal static readonly Method<StringValue, StringValue> ClientStream = new(MethodType.ClientStreaming, Service, "ClientStream", Text, Text);

    internal static readonly Method<StringValue, StringValue> ServerStream = new(MethodType.ServerStreaming, Service, "ServerStream", Text, Text);

    internal static readonly Method<BytesValue, BytesValue> ServerBytes = new(MethodType.ServerStreaming, Service, "ServerBytes", Bytes, Bytes);

    internal static readonly Method<StringValue, StringValue> Duplex = new(MethodType.DuplexStreaming, Service, "Duplex", Text, Text);

    internal static readonly Method<BytesValue, BytesValue> DuplexBytes = new(MethodType.DuplexStreaming, Service, "DuplexBytes", Bytes, Bytes);

    internal static readonly Method<StringValue, StringValue> Missing = new(MethodType.Unary, Service, "Missing", Text, Text);

    /// <summary>A service whose methods echo what they get.</summary>
    internal static ServerServiceDefinition Definition() => ServerServiceDefinition.CreateBuilder()
        .AddMethod(Unary, (StringValue request, ServerCallContext _) => Task.FromResult(new StringValue { Value = "echo:" + request.Value }))
        .AddMethod(UnaryBytes, (BytesValue request, ServerCallContext _) => Task.FromResult(request))
        .AddMethod(ClientStream, async (IAsyncStreamReader<StringValue> requests, ServerCallContext _) =>
        {
            List<string> all = [];
            await foreach (StringValue request in requests.ReadAllAsync())
            {
                all.Add(request.Value);
            }

            return new StringValue { Value = string.Join(',', all) };
        })
        .AddMethod(ServerStream, async (StringValue request, IServerStreamWriter<StringValue> responses, ServerCallContext _) =>
        {
            foreach (string part in request.Value.Split(','))
            {
                await responses.WriteAsync(new StringValue { Value = part });
            }
        })
        .AddMethod(Duplex, async (IAsyncStreamReader<StringValue> requests, IServerStreamWriter<StringValue> responses, ServerCallContext context) =>
        {
            while (await requests.MoveNext(context.CancellationToken))
            {
                await responses.WriteAsync(new StringValue { Value = "echo:" + requests.Current.Value });
            }
        })
        .Build();
}
