using System.Collections.Concurrent;
using System.Globalization;
using Culvert.Core;
using Culvert.Protocol.SpireApi;
using Culvert.Protocol.SpireTypes;
using Grpc.Core;
using Entry = Culvert.Protocol.SpireTypes.Entry;
using EntryApi = Culvert.Protocol.SpireApi.Entry;
using RpcStatus = Grpc.Core.Status;

namespace Culvert.Tests.Shared.Spire;

/// <summary>The entries of a server that stands in for SPIRE, with the results, codes, texts and pages that a real one gave. Safe for any number of threads.</summary>
internal sealed class StandInEntries(StandInSpire spire) : EntryApi.EntryBase
{
    private const int Invalid = 3, Missing = 5, Exists = 6, Internal = 13;
    private const int LongestId = 255, LongestName = 1024;

    private readonly Lock _lock = new();
    private readonly SortedDictionary<long, Entry> _rows = [];
    private long _lastRow;

    /// <summary>The calls that came, with how many items each had: the method's name, a blank, the number.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>What is awaited before a call is answered, by method.</summary>
    public Func<string, Task> Hold { get; set; } = _ => Task.CompletedTask;

    /// <summary>What a call ends with after it has done what it was asked to, by method: its answer is lost. Null: it is answered.</summary>
    public Func<string, RpcStatus?> Loss { get; set; } = _ => null;

    /// <summary>What the server refuses of its own, by the entry; null: nothing.</summary>
    public Func<Entry, ItemStatus?> Refusal { get; set; } = _ => null;

    /// <summary>Changes the results of a creation before they are answered.</summary>
    public Func<BatchCreateEntryResponse, BatchCreateEntryResponse> Created { get; set; } = response => response;

    /// <summary>Changes a page before it is answered.</summary>
    public Func<ListEntriesResponse, ListEntriesResponse> Listed { get; set; } = response => response;

    /// <summary>Copies of all, in the order of their creation.</summary>
    public IReadOnlyList<Entry> All
    {
        get
        {
            lock (_lock) return [.. _rows.Values.Select(e => e.Clone())];
        }
    }

    /// <summary>Writes one as it is, whoever it is of.</summary>
    public Entry Put(Entry entry)
    {
        lock (_lock) return Store(entry.Clone());
    }

    /// <summary>Somebody deletes one.</summary>
    public void Drop(string id)
    {
        lock (_lock) _rows.Remove(_rows.First(r => r.Value.Id == id).Key);
    }

    /// <summary>Somebody changes one.</summary>
    public void Change(string id, Action<Entry> change)
    {
        lock (_lock) change(_rows.First(r => r.Value.Id == id).Value);
    }

    /// <summary>How many calls of a method came.</summary>
    public int Count(string method) => Calls.Count(c => c.StartsWith(method + ' ', StringComparison.Ordinal));

    public override Task<ListEntriesResponse> ListEntries(ListEntriesRequest request, ServerCallContext context) => AnswerAsync(context, request.PageSize, () =>
    {
        if (request.PageSize <= 0) return Listed(new() { Entries = { _rows.Values.Select(e => Masked(e, request.OutputMask)) } });
        if (request.PageToken.Length > 0 && (!long.TryParse(request.PageToken, NumberStyles.None, CultureInfo.InvariantCulture, out long row) || row < 0))
            throw new RpcException(new RpcStatus(StatusCode.Internal, $"failed to list entries: datastore-sql: rpc error: code = InvalidArgument desc = could not parse token '{request.PageToken}'"));
        long after = request.PageToken.Length > 0 ? long.Parse(request.PageToken, CultureInfo.InvariantCulture) : 0;
        KeyValuePair<long, Entry>[] page = [.. _rows.Where(r => r.Key > after).Take(request.PageSize)];

        // Also behind the last of all.
        string next = page.Length > 0 ? page[^1].Key.ToString(CultureInfo.InvariantCulture) : "";
        return Listed(new() { Entries = { page.Select(r => Masked(r.Value, request.OutputMask)) }, NextPageToken = next });
    });

    public override Task<BatchCreateEntryResponse> BatchCreateEntry(BatchCreateEntryRequest request, ServerCallContext context) => AnswerAsync(context, request.Entries.Count, () =>
    {
        BatchCreateEntryResponse response = new();
        foreach (Entry asked in request.Entries)
        {
            (ItemStatus status, Entry? entry) = Create(asked);
            response.Results.Add(new BatchCreateEntryResponse.Types.Result { Status = status, Entry = entry is null ? null : Sorted(Masked(entry, request.OutputMask)) });
        }
        return Created(response);
    });

    public override Task<BatchUpdateEntryResponse> BatchUpdateEntry(BatchUpdateEntryRequest request, ServerCallContext context) => AnswerAsync(context, request.Entries.Count, () =>
    {
        BatchUpdateEntryResponse response = new();
        foreach (Entry asked in request.Entries)
        {
            (ItemStatus status, Entry? entry) = Update(asked, request.InputMask);
            response.Results.Add(new BatchUpdateEntryResponse.Types.Result { Status = status, Entry = entry is null ? null : Masked(entry, request.OutputMask) });
        }
        return response;
    });

    public override Task<BatchDeleteEntryResponse> BatchDeleteEntry(BatchDeleteEntryRequest request, ServerCallContext context) => AnswerAsync(context, request.Ids.Count, () =>
    {
        BatchDeleteEntryResponse response = new();
        foreach (string id in request.Ids)
        {
            ItemStatus status = id.Length == 0 ? Of(Invalid, "missing entry ID") : _rows.FirstOrDefault(r => r.Value.Id == id) is { Value: { } entry } row ? Refusal(entry) ?? Delete(row.Key) : Of(Missing, "entry not found");
            response.Results.Add(new BatchDeleteEntryResponse.Types.Result { Status = status, Id = id });
        }
        return response;
    });

    private async Task<T> AnswerAsync<T>(ServerCallContext context, int items, Func<T> answer)
    {
        string method = context.Method[(context.Method.LastIndexOf('/') + 1)..];
        spire.Authorize(context, isForAdmins: true);
        await Hold(method).WaitAsync(context.CancellationToken);
        Calls.Enqueue($"{method} {items}");
        T answered;
        lock (_lock) answered = answer();
        return Loss(method) is { } loss ? throw new RpcException(loss) : answered;
    }

    private Entry Store(Entry entry)
    {
        if (entry.Id.Length == 0) entry.Id = Guid.NewGuid().ToString();
        _rows[++_lastRow] = entry;
        return entry;
    }

    private ItemStatus Delete(long row)
    {
        _rows.Remove(row);
        return Of(0, "OK");
    }

    private (ItemStatus Status, Entry? Entry) Create(Entry asked)
    {
        if ((WhyNotConverted(asked) ?? Refusal(asked)) is { } refusal) return (refusal, null);
        if (_rows.Values.FirstOrDefault(e => IsSimilar(e, asked)) is { } similar) return (Of(Exists, "similar entry already exists"), similar);
        if (WhyNotStored(asked) is { } reason) return (reason, null);
        Entry created = asked.Clone();
        created.RevisionNumber = 0;
        return (Of(0, "OK"), Store(created));
    }

    private (ItemStatus Status, Entry? Entry) Update(Entry asked, EntryMask? mask)
    {
        if (asked.Id.Length == 0 || _rows.Values.FirstOrDefault(e => e.Id == asked.Id) is not { } entry) return (Of(Missing, "failed to update entry"), null);
        if (Refusal(asked) is { } refusal) return (refusal, null);
        if (mask is null && WhyNotConverted(asked) is { } reason) return (reason, null);
        if (mask is null or { FederatesWith: true } && FederationFault(asked) is { } fault) return (fault, null);
        if (mask is null or { SpiffeId: true }) entry.SpiffeId = asked.SpiffeId.Clone();
        if (mask is null or { ParentId: true }) entry.ParentId = asked.ParentId.Clone();
        if (mask is null or { Selectors: true }) Replace(entry.Selectors, asked.Selectors);
        if (mask is null or { X509SvidTtl: true }) entry.X509SvidTtl = asked.X509SvidTtl;
        if (mask is null or { FederatesWith: true }) Replace(entry.FederatesWith, asked.FederatesWith);
        if (mask is null or { Admin: true }) entry.Admin = asked.Admin;
        if (mask is null or { Downstream: true }) entry.Downstream = asked.Downstream;
        if (mask is null or { ExpiresAt: true }) entry.ExpiresAt = asked.ExpiresAt;
        if (mask is null or { DnsNames: true }) Replace(entry.DnsNames, asked.DnsNames);
        if (mask is null or { StoreSvid: true }) entry.StoreSvid = asked.StoreSvid;

        // Whatever the mask says.
        entry.RevisionNumber++;
        return (Of(0, "OK"), entry);
    }

    private static ItemStatus? WhyNotConverted(Entry asked)
    {
        const string Prefix = "failed to convert entry: ";
        if (IdFault(asked.SpiffeId, mayBeReserved: false) is { } id) return Of(Invalid, $"{Prefix}invalid spiffe ID: {id}");
        if (IdFault(asked.ParentId, mayBeReserved: true) is { } parent) return Of(Invalid, $"{Prefix}invalid parent ID: {parent}");
        if (asked.Selectors.Count == 0) return Of(Invalid, Prefix + "selector list is empty");
        foreach (Selector selector in asked.Selectors)
        {
            if (selector.Type.Length == 0) return Of(Invalid, Prefix + "missing selector type");
            if (selector.Type.Contains(':', StringComparison.Ordinal)) return Of(Invalid, Prefix + "selector type contains ':'");
            if (selector.Value.Length == 0) return Of(Invalid, Prefix + "missing selector value");
        }
        if (asked.DnsNames.Any(n => string.IsNullOrWhiteSpace(n))) return Of(Invalid, Prefix + "invalid DNS name: empty or only whitespace");
        if (asked.DnsNames.FirstOrDefault(n => n.Length > LongestName || n.Any(c => c > '\u007f')) is { } name) return Of(Invalid, $"{Prefix}invalid DNS name: idna error\nidna: invalid label \"{name}\"");
        string? trustDomain = asked.FederatesWith.FirstOrDefault(t => SpiffeId.CheckTrustDomain(NameOf(t)) is not null);
        return trustDomain is null ? null : Of(Invalid, $"{Prefix}invalid federated trust domain: trust domain characters are limited to lowercase letters, numbers, dots, dashes, and underscores");
    }

    private ItemStatus? WhyNotStored(Entry asked)
    {
        const string Prefix = "failed to create entry: ", Entry = Prefix + "datastore-validation: invalid registration entry: ";
        if (asked.Id.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.'))) return Of(Invalid, Entry + "entry ID contains invalid characters");
        if (asked.Id.Length > LongestId) return Of(Invalid, Entry + "entry ID too long");
        if (asked.X509SvidTtl < 0) return Of(Invalid, Entry + "X509SvidTtl is not set");
        if (_rows.Values.Any(e => e.Id == asked.Id)) return Of(Exists, Prefix + "datastore-sql: UNIQUE constraint failed: registered_entries.entry_id");
        if (asked.Selectors.Distinct().Count() != asked.Selectors.Count) return Of(Exists, Prefix + "datastore-sql: UNIQUE constraint failed: selectors");
        if (asked.DnsNames.Distinct(StringComparer.Ordinal).Count() != asked.DnsNames.Count) return Of(Exists, Prefix + "datastore-sql: UNIQUE constraint failed: dns_names");
        return FederationFault(asked);
    }

    // The server's own trust domain passes, which ends the syncing of every agent that gets the entry.
    private ItemStatus? FederationFault(Entry asked) =>
        asked.FederatesWith.Select(NameOf).FirstOrDefault(t => t != StandInSpire.TrustDomain && !spire.FederatedBundles.ContainsKey(t)) is { } unknown
            ? Of(Internal, $"failed to create entry: unable to find federated bundle \"spiffe://{unknown}\"")
            : null;

    private static string? IdFault(SPIFFEID? id, bool mayBeReserved)
    {
        if (id is null) return "request must specify SPIFFE ID";
        string text = $"spiffe://{id.TrustDomain}{id.Path}";
        if (!SpiffeId.TryParse(text, out _)) return "path segment characters are limited to letters, numbers, dots, dashes, and underscores";
        if (id.TrustDomain != StandInSpire.TrustDomain) return $"\"{text}\" is not a member of trust domain \"{StandInSpire.TrustDomain}\"";
        if (id.Path.Length == 0) return $"\"{text}\" is not a workload in trust domain \"{StandInSpire.TrustDomain}\"; path is empty";
        bool isReserved = id.Path == "/spire" || id.Path.StartsWith("/spire/", StringComparison.Ordinal);
        return isReserved && !mayBeReserved ? $"\"{text}\" is not a workload in trust domain \"{StandInSpire.TrustDomain}\"; path is in the reserved namespace" : null;
    }

    private static bool IsSimilar(Entry one, Entry other) =>
        Equals(one.SpiffeId, other.SpiffeId) && Equals(one.ParentId, other.ParentId) && one.Selectors.ToHashSet().SetEquals(other.Selectors);

    private static Entry Masked(Entry entry, EntryMask? mask)
    {
        Entry told = new() { Id = entry.Id };
        if (mask is null or { SpiffeId: true }) told.SpiffeId = entry.SpiffeId?.Clone();
        if (mask is null or { ParentId: true }) told.ParentId = entry.ParentId?.Clone();
        if (mask is null or { Selectors: true }) told.Selectors.AddRange(entry.Selectors.Select(s => s.Clone()));
        if (mask is null or { X509SvidTtl: true }) told.X509SvidTtl = entry.X509SvidTtl;
        if (mask is null or { FederatesWith: true }) told.FederatesWith.AddRange(entry.FederatesWith.Select(t => $"spiffe://{NameOf(t)}"));
        if (mask is null or { Admin: true }) told.Admin = entry.Admin;
        if (mask is null or { Downstream: true }) told.Downstream = entry.Downstream;
        if (mask is null or { ExpiresAt: true }) told.ExpiresAt = entry.ExpiresAt;
        if (mask is null or { DnsNames: true }) told.DnsNames.AddRange(entry.DnsNames);
        if (mask is null or { RevisionNumber: true }) told.RevisionNumber = entry.RevisionNumber;
        if (mask is null or { StoreSvid: true }) told.StoreSvid = entry.StoreSvid;
        return told;
    }

    // As the answer of a creation has them, and no other.
    private static Entry Sorted(Entry told)
    {
        Replace(told.Selectors, [.. told.Selectors.OrderBy(s => s.Type, StringComparer.Ordinal).ThenBy(s => s.Value, StringComparer.Ordinal)]);
        Replace(told.DnsNames, [.. told.DnsNames.Order(StringComparer.Ordinal)]);
        return told;
    }

    private static void Replace<T>(Google.Protobuf.Collections.RepeatedField<T> field, IReadOnlyCollection<T> values)
    {
        T[] copied = [.. values];
        field.Clear();
        field.AddRange(copied);
    }

    private static string NameOf(string trustDomain) => trustDomain.StartsWith(SpiffeId.SchemePrefix, StringComparison.Ordinal) ? trustDomain[SpiffeId.SchemePrefix.Length..] : trustDomain;

    private static ItemStatus Of(int code, string message) => new() { Code = code, Message = message };
}
