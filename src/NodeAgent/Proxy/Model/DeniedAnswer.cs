using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What an external authorizer has the client told whose request it denies; immutable.</summary>
/// <param name="Fields">Header fields, without a status, a length or what is about a connection.</param>
/// <param name="Body">The body; empty without.</param>
internal sealed record DeniedAnswer(HeaderList Fields, ReadOnlyMemory<byte> Body);
