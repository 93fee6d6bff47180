namespace Culvert.Core;

/// <summary>Why a packet, a datagram or a connection was dropped, refused or ended, as people read it. Immutable.</summary>
/// <param name="Name">Label of metrics and word of <c>culvert flows</c>: kebab case. <see cref="ReasonTable.ProxyProtocolPrefix"/> stands for all that begin with it.</param>
/// <param name="Use">Who gives it.</param>
/// <param name="Class">What kind of trouble it is.</param>
/// <param name="Answer">What the sender is told.</param>
/// <param name="Text">What it means: half a sentence.</param>
/// <param name="Remedy">What to do about it: half a sentence.</param>
public sealed record DropReason(string Name, ReasonUse Use, ReasonClass Class, ReasonAnswer Answer, string Text, string Remedy);
