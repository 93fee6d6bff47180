namespace Grpc.Core;

/// <summary>What every type of call on the client shares.</summary>
internal interface ICall : IDisposable
{
    Task<Metadata> ResponseHeadersAsync { get; }

    Status GetStatus();

    Metadata GetTrailers();
}
