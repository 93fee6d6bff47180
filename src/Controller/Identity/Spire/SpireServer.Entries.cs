using Culvert.Controller.Identity.Spire.Entries;
using Culvert.Protocol.SpireApi;
using Grpc.Core;

namespace Culvert.Controller.Identity.Spire;

// Entries, and the bundles that they need. None of these is tried again here: what a call has done whose answer is lost is for the caller to find out.
internal sealed partial class SpireServer
{
    private Protocol.SpireApi.Entry.EntryClient Entries => new(_channel.CreateCallInvoker());

    /// <summary>A page of entries.</summary>
    /// <param name="pageToken">Which; empty for the first.</param>
    /// <param name="pageSize">How many at most.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<ListEntriesResponse> ListEntriesAsync(string pageToken, int pageSize, CancellationToken cancellationToken)
    {
        ListEntriesRequest request = new() { OutputMask = EntryWire.Read, PageToken = pageToken, PageSize = pageSize };
        return CallAsync("ListEntries", options => Entries.ListEntriesAsync(request, options), cancellationToken);
    }

    /// <summary>Creates entries; each has a result of its own.</summary>
    public Task<BatchCreateEntryResponse> CreateEntriesAsync(IEnumerable<SpireEntry> entries, CancellationToken cancellationToken)
    {
        BatchCreateEntryRequest request = new() { Entries = { entries.Select(EntryWire.ToWire) }, OutputMask = EntryWire.Read };
        return CallAsync("BatchCreateEntry", options => Entries.BatchCreateEntryAsync(request, options), cancellationToken);
    }

    /// <summary>Sets all of entries but what their IDs stand for. Agents renew their certificates, also where nothing is new.</summary>
    public Task<BatchUpdateEntryResponse> UpdateEntriesAsync(IEnumerable<SpireEntry> entries, CancellationToken cancellationToken)
    {
        // Of the answers only the IDs count.
        BatchUpdateEntryRequest request = new() { Entries = { entries.Select(EntryWire.ToWire) }, InputMask = EntryWire.Update, OutputMask = new() };
        return CallAsync("BatchUpdateEntry", options => Entries.BatchUpdateEntryAsync(request, options), cancellationToken);
    }

    /// <summary>Deletes entries; each has a result of its own.</summary>
    public Task<BatchDeleteEntryResponse> DeleteEntriesAsync(IEnumerable<string> ids, CancellationToken cancellationToken)
    {
        BatchDeleteEntryRequest request = new() { Ids = { ids } };
        return CallAsync("BatchDeleteEntry", options => Entries.BatchDeleteEntryAsync(request, options), cancellationToken);
    }

    /// <summary>Whether the server has the bundle of another trust domain.</summary>
    public async Task<bool> HasBundleAsync(string trustDomain, CancellationToken cancellationToken)
    {
        GetFederatedBundleRequest request = new() { TrustDomain = trustDomain, OutputMask = new() };
        try
        {
            await CallAsync("GetFederatedBundle", options => new Protocol.SpireApi.Bundle.BundleClient(_channel.CreateCallInvoker()).GetFederatedBundleAsync(request, options), cancellationToken);
            return true;
        }
        catch (AuthorityException e) when (e.InnerException is RpcException { StatusCode: StatusCode.NotFound })
        {
            return false;
        }
    }
}
