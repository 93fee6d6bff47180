namespace Culvert.Logging;

/// <summary>
/// The number of every event that the programs log, by the room that logs it. A number is never given to another event: people filter by it.
/// Compiled into each project that logs.
/// </summary>
internal static class LogEventIds
{
    // src/GrpcHosting; 102 and 103 were events at Debug that Grpc.AspNetCore.Server has its own for
    internal const int HandlerFailed = 101;
    internal const int NotRead = 104;

    // src/NodeAgent/Hosting
    internal const int ReconcileFailed = 1001;
    internal const int Up = 1002;
    internal const int Stopping = 1003;
    internal const int Drained = 1004;
    internal const int NoUplink = 1005;
    internal const int NormalPriority = 1006;
    internal const int AgentHangUp = 1007;
    internal const int FolderClosed = 1008;
    internal const int ForeignLock = 1009;
    internal const int LinksUnwatched = 1010;
    internal const int WorkFailed = 1011;
    internal const int MetricsTokensUnread = 1012;
    internal const int FewDescriptors = 1013;
    internal const int HandingOver = 1014;
    internal const int HandedOver = 1015;
    internal const int HandoverFailed = 1016;
    internal const int TakingOver = 1017;
    internal const int BeforeIsGone = 1018;
    internal const int BeforeHasEnded = 1019;
    internal const int HandoverUnheard = 1020;
    internal const int StartedFileNotMade = 1021;
    internal const int StoppedWhileHandingOver = 1022;
    internal const int RunFilesGone = 1023;

    // src/NodeAgent/Datapath
    internal const int MapsNotAdopted = 1101;
    internal const int Attached = 1102;
    internal const int Detached = 1103;
    internal const int NotCaptured = 1104;
    internal const int Generation = 1105;
    internal const int NoXdp = 1106;
    internal const int OtherVersion = 1107;
    internal const int Restoring = 1108;
    internal const int NotRestored = 1109;
    internal const int FlowProberFailed = 1110;
    internal const int FlowSweeperFailed = 1111;
    internal const int NotDeleted = 1112;
    internal const int InterfaceOwnersNotSaved = 1113;
    internal const int NotLoaded = 1114;
    internal const int Corrupt = 1115;
    internal const int PolicyIdFileNotSaved = 1116;
    internal const int PolicyIdFileSaved = 1117;
    internal const int RoutingRestored = 1118;
    internal const int RoutingNotRestored = 1119;
    internal const int NatTableMade = 1120;
    internal const int NatTableRemoved = 1121;
    internal const int NatUnknown = 1122;
    internal const int NftUnwatched = 1123;
    internal const int DirectPath = 1125;
    internal const int PutFirst = 1126;
    internal const int TunnelSource = 1127;
    internal const int RulesUnread = 1128;
    internal const int SpaceNumbersNotSaved = 1129;
    internal const int SpaceNumbersNotLoaded = 1130;
    internal const int InsideOpened = 1131;
    internal const int InsideNotOpened = 1132;
    internal const int InsideAttached = 1133;
    internal const int InsideReleased = 1134;
    internal const int InsideNotRemoved = 1135;
    internal const int InsideRoutesNotKept = 1136;
    internal const int NotDelivered = 1137;
    internal const int DeliveredAgain = 1138;
    internal const int DeliveryUntried = 1139;
    internal const int DeliveryTrialFailed = 1140;
    internal const int LostDeliveriesNotSaved = 1141;
    internal const int LostDeliveriesNotLoaded = 1142;
    internal const int PodGone = 1143;
    internal const int PolicyClosed = 1144;
    internal const int PolicyNotClosed = 1145;
    internal const int SharesCoarse = 1146;
    internal const int SharesNotCoarse = 1147;
    internal const int PinsRestored = 1148;
    internal const int PinsNotRestored = 1149;

    // src/NodeAgent/Identity
    internal const int NodeCredentialsFileCorrupt = 1301;
    internal const int NodeCredentialsNotSaved = 1302;
    internal const int NotRenewed = 1303;
    internal const int SvidCacheUnusable = 1304;
    internal const int SvidCacheFailed = 1305;
    internal const int Issued = 1306;
    internal const int SvidStoreFailed = 1307;
    internal const int TlsIdentityTableUnusable = 1308;
    internal const int NotTrusted = 1309;
    internal const int SvidNotTaken = 1310;
    internal const int SpireAgentConnected = 1321;
    internal const int SpireAgentFailed = 1322;
    internal const int SpireSvidTaken = 1323;
    internal const int SpireSvidRefused = 1324;
    internal const int SpireSvidMissing = 1325;
    internal const int SpireBundlesTaken = 1326;
    internal const int SpireRootsDiffer = 1327;
    internal const int SpireNodeFailed = 1328;
    internal const int BundlesNotFederated = 1341;

    // src/NodeAgent/Snapshots
    internal const int SnapshotFileCorrupt = 1401;
    internal const int Applied = 1402;
    internal const int Rejected = 1403;
    internal const int SnapshotConnected = 1404;
    internal const int SnapshotDisconnected = 1405;
    internal const int Restored = 1406;
    internal const int FallbackStays = 1407;
    internal const int SnapshotSaved = 1408;
    internal const int SnapshotNotSaved = 1409;
    internal const int RefusalsUnknown = 1410;
    internal const int RefusalsNotTold = 1411;
    internal const int SnapshotStreamEnded = 1412;

    // src/NodeAgent/Telemetry
    internal const int Flow = 1501;
    internal const int HandshakeFailed = 1502;
    internal const int LoopFault = 1503;
    internal const int AcceptFailed = 1504;
    internal const int TunnelWithoutUdp = 1505;
    internal const int BackendEjected = 1506;
    internal const int AccessLogNotWritten = 1507;
    internal const int AccessLogWritten = 1508;
    internal const int CollectorNotReached = 1509;
    internal const int CollectorReached = 1510;
    internal const int RequestNotTold = 1511;
    internal const int LimitServiceFailed = 1512;
    internal const int BackendUnhealthy = 1513;
    internal const int BackendHealthy = 1514;
    internal const int MetricUnreadable = 1515;

    // src/NodeAgent/WorkloadApi
    internal const int WorkloadApiNotAttested = 1521;
    internal const int WorkloadApiNotServed = 1522;
    internal const int WorkloadApiServed = 1523;
    internal const int WorkloadApiSocketReplaced = 1524;

    // src/NodeAgent/Cni
    internal const int AttachmentUnusable = 1601;
    internal const int AttachmentNotRemoved = 1602;
    internal const int PodStarted = 1603;
    internal const int PodNotStarted = 1604;
    internal const int CniProgramInstalled = 1605;
    internal const int CniEntryInstalled = 1606;
    internal const int CniNotInstalled = 1607;
    internal const int CniNotWatched = 1608;

    // src/Controller/Hosting
    internal const int NotWatched = 2001;
    internal const int NotRotated = 2002;
    internal const int RotationFailed = 2003;
    internal const int IdentityNotRenewed = 2004;
    internal const int HostingHangUp = 2005;
    internal const int AnonymousDropped = 2006;
    internal const int TooManyOfANode = 2007;
    internal const int NoRoomKept = 2008;
    internal const int RootsNotWritten = 2009;
    internal const int NotRemoved = 2010;
    internal const int RemovalFailed = 2011;
    internal const int StateUpkeepFailed = 2012;
    internal const int RootsNotPublished = 2013;
    internal const int RootsPublished = 2014;
    internal const int ControllerLeaving = 2015;
    internal const int NoIdentityToShow = 2016;
    internal const int BuiltInRootsUnused = 2017;

    // src/Controller/Api
    internal const int Joined = 2101;
    internal const int Signed = 2102;
    internal const int StreamEnded = 2103;
    internal const int NotNoted = 2104;
    internal const int ApiRefused = 2105;
    internal const int StreamReplaced = 2106;
    internal const int JoinRefused = 2107;
    internal const int JoinRefusalsUnsaid = 2108;
    internal const int JwtSigned = 2121;

    // src/Controller/Identity
    internal const int IdentityUpkeepFailed = 2201;
    internal const int IdentityNotSaved = 2202;
    internal const int RootMade = 2203;
    internal const int RootSignsNow = 2204;
    internal const int RootLeft = 2205;
    internal const int RootRemoved = 2206;
    internal const int RootKeyDeleted = 2207;
    internal const int RootsWrittenAgain = 2208;
    internal const int IntermediateRevoked = 2209;
    internal const int RevocationListRead = 2211;
    internal const int RevocationListNotRead = 2212;
    internal const int RevocationListLate = 2213;
    internal const int RevocationListsTooMany = 2214;
    internal const int RevocationListNotTaken = 2215;
    internal const int RevocationListReadAgain = 2216;
    internal const int RevocationListGone = 2217;
    internal const int SpireWaiting = 2221;
    internal const int SpireBundleNotRead = 2222;
    internal const int SpireBundleRead = 2223;
    internal const int SpireNoIdentity = 2224;
    internal const int SpireBundleNotTaken = 2225;
    internal const int SpireEntriesChanged = 2231;
    internal const int SpireEntriesNotKept = 2232;
    internal const int SpireEntriesKeptAgain = 2233;
    internal const int SpireEntriesRefused = 2234;
    internal const int SpireEntriesMended = 2235;
    internal const int SpireEntriesOfOthers = 2236;
    internal const int SpireEntriesNotDeleted = 2237;
    internal const int SpireBundleMissing = 2238;
    internal const int SpireEntriesFault = 2239;
    internal const int UpstreamWaiting = 2241;
    internal const int UpstreamNotRead = 2242;
    internal const int UpstreamNotTaken = 2243;
    internal const int UpstreamRoots = 2244;
    internal const int UpstreamCertified = 2245;
    internal const int UpstreamActivates = 2246;
    internal const int UpstreamNotForgotten = 2247;
    internal const int UpstreamUsedAgain = 2248;
    internal const int UpstreamEnds = 2249;
    internal const int FederationFileNotRead = 2261;
    internal const int FederationFileReadAgain = 2262;
    internal const int FederatedDomainRefused = 2263;
    internal const int FederatedDomainMended = 2264;
    internal const int DomainFederated = 2265;
    internal const int DomainNotFederated = 2266;
    internal const int FederatedBundleTaken = 2267;
    internal const int FederatedBundleNotRead = 2268;
    internal const int FederatedBundleReadAgain = 2269;
    internal const int FederatedBundleNotKept = 2270;
    internal const int FederationFault = 2271;
    internal const int BundleServed = 2272;
    internal const int BundleSequenceNotKept = 2273;
    internal const int WebCertificateNotRead = 2274;
    internal const int WebCertificateRead = 2275;
    internal const int FederatedKeysLeftOut = 2276;
    internal const int RootsNotTold = 2277;
    internal const int FederatedDomainMissing = 2278;
    internal const int FederatedBundlesNotForgotten = 2279;
    internal const int FederatedBundleKeptAgain = 2280;
    internal const int WebCertificateEnded = 2281;
    internal const int FederatedRootsOfOthers = 2282;

    // src/Controller/Progress
    internal const int ProgressNotWritten = 2251;
    internal const int ProgressWritten = 2252;
    internal const int ProgressNotRead = 2253;
    internal const int ProgressNotTakenOut = 2254;

    // src/Controller/Store
    internal const int BadObject = 2301;
    internal const int BadVersion = 2302;
    internal const int Mended = 2303;
    internal const int NoLongerDoubtful = 2304;
    internal const int NodesUnknown = 2305;
    internal const int StoreUpkeepFailed = 2306;
    internal const int DoubtfulObject = 2307;
    internal const int LastGoodRefused = 2308;
    internal const int LastGoodCorrupt = 2309;
    internal const int LastGoodNotKept = 2310;
    internal const int NoMeshConfig = 2311;
    internal const int BadPart = 2312;

    // src/Controller/Snapshots
    internal const int Published = 2401;
    internal const int ControllerSnapshotConnected = 2402;
    internal const int ControllerSnapshotDisconnected = 2403;
    internal const int SnapshotRefused = 2404;
    internal const int NamespaceClosed = 2405;
    internal const int NamespaceNotClosed = 2406;
    internal const int OtherTrustDomain = 2407;

    // src/Controller/Sources
    internal const int WatchFailed = 2501;
    internal const int WatchStopped = 2502;
    internal const int ReadFailed = 2503;
    internal const int ClusterSynced = 2511;
    internal const int ClusterNotTaken = 2512;
    internal const int ClusterNotRead = 2513;
    internal const int StatusNotWritten = 2514;
    internal const int RefusalNotWritten = 2515;
    internal const int EventNotWritten = 2516;

    // src/Controller/Nodes
    internal const int WorkloadsRefused = 2601;
    internal const int WorkloadsNoLongerRefused = 2602;
    internal const int RefusalsCorrupt = 2603;
    internal const int RefusalsNotKept = 2604;

    // src/Controller/Sharing
    internal const int WaitingForState = 2701;
    internal const int IndexNotCopied = 2702;
    internal const int RevocationShared = 2703;
    internal const int StateNotExchanged = 2704;
    internal const int StateExchanged = 2705;
    internal const int BundleCut = 2706;

    // src/Controller/Admission
    internal const int AdmissionRefused = 2801;
    internal const int RefusalsUnsaid = 2802;
    internal const int BundleNotWritten = 2803;
    internal const int BundleWritten = 2804;

    // src/Controller/Issuers
    internal const int IssuerKeysRead = 2901;

    // src/Kubernetes
    internal const int TlsNotVerified = 3001;
    internal const int TokenNotRead = 3002;
    internal const int ClientCertificateNotRead = 3003;
    internal const int RequestDelayed = 3004;
    internal const int ReflectorFailed = 3101;
    internal const int ReflectorRelists = 3102;
    internal const int ReflectorRecovered = 3103;
    internal const int ObjectUnreadable = 3104;
    internal const int HandlerOfResourcesFailed = 3105;
    internal const int QueueWorkFailed = 3201;
    internal const int LeaderElected = 3301;
    internal const int LeadershipLost = 3302;
    internal const int LeaseNotRenewed = 3303;
    internal const int LeaderSeen = 3304;
    internal const int LeaseNotReleased = 3305;
}
