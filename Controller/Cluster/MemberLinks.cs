using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Mesh.Actors.Cluster;
using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Controller.Keys;
using Mesh.Controller.Tls;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Trust;
using Microsoft.Extensions.Logging;

namespace Mesh.Controller.Cluster;

/// <summary>
/// Keeps one link to every other controller that is up. Of two, the one whose id comes first dials, and dials again when the link breaks;
/// one that has just started tries everybody once, so as not to wait for being noticed. Safe for concurrent use.
/// </summary>
sealed class MemberLinks(ControllerSystem system, ControllerKeys keys, IClock clock, ILogger log) : IAsyncDisposable
{
    static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);
    static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(3);

    readonly OwnCertificate _certificate = OwnCertificate.ForClient(keys, clock);
    readonly ConcurrentDictionary<ControllerId, Dialler> _diallers = new();
    readonly CancellationTokenSource _closing = new();
    bool _isFirst = true;

    /// <summary>Takes in which controllers are up. Called by one caller at a time.</summary>
    public void Take(ClusterView view)
    {
        foreach (var member in view.Members)
        {
            if (member.Id == keys.Controller)
                continue;
            if (!member.IsUp)
            {
                if (_diallers.TryRemove(member.Id, out var gone))
                    gone.Stop();
                continue;
            }
            string[] addresses = [.. new[] { member.Row!.Internal }.Concat(member.Row.Addresses).Where(address => address.Length > 0).Distinct(StringComparer.Ordinal)];
            if (_diallers.TryGetValue(member.Id, out var known))
                known.Addresses = addresses;
            else if (_isFirst || string.CompareOrdinal(keys.Controller.ToString(), member.Id.ToString()) < 0)
                _diallers[member.Id] = Start(member.Id, addresses, isOnce: string.CompareOrdinal(keys.Controller.ToString(), member.Id.ToString()) > 0);
        }
        _isFirst = false;
    }

    /// <summary>Ends every link that this controller dialled.</summary>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await Task.WhenAll(_diallers.Values.Select(one => one.Running));
        _closing.Dispose();
    }

    Dialler Start(ControllerId member, string[] addresses, bool isOnce)
    {
        var dialler = new Dialler(_closing.Token) { Addresses = addresses };
        dialler.Running = Task.Run(() => DialAsync(member, dialler, isOnce), CancellationToken.None);
        return dialler;
    }

    async Task DialAsync(ControllerId member, Dialler dialler, bool isOnce)
    {
        var (pause, isTold) = (FirstPause, false);
        while (!dialler.Over.IsCancellationRequested)
        {
            foreach (var address in dialler.Addresses)
            {
                try
                {
                    await LinkAsync(member, address, () =>
                    {
                        (pause, isTold) = (FirstPause, false);
                        log.LinkOpened(member, address);
                    }, dialler.Over);
                }
                catch (Exception e) when (e is HttpRequestException or IOException or SocketException or OperationCanceledException or FormatException)
                {
                    if (!isTold && !dialler.Over.IsCancellationRequested)
                        log.LinkFailed(member, address, (e.InnerException ?? e).Message.Split('\n')[0]);
                }
            }
            isTold = true;
            if (isOnce)
                return;
            await Task.Delay(pause, dialler.Over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    async Task LinkAsync(ControllerId member, string address, Action opened, CancellationToken cancellationToken)
    {
        using var http = new HttpMessageInvoker(Handler(member, address));
        using var stream = new MemberStream(cancellationToken);
        var up = new Pipe();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"https://{CertificatePin.ControllerName}{LinkEndpoint.Path}"))
        {
            Content = new UpContent(up.Reader),
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(ConnectTimeout);
        using var response = await http.SendAsync(request, patience.Token);
        if (!response.IsSuccessStatusCode)
            throw new HttpRequestException($"it answered {(int)response.StatusCode}");
        patience.CancelAfter(Timeout.InfiniteTimeSpan);
        opened();
        try
        {
            await stream.RunAsync(system, member, PipeReader.Create(await response.Content.ReadAsStreamAsync(cancellationToken)), () => up.Writer);
        }
        finally
        {
            await up.Writer.CompleteAsync();
        }
    }

    SocketsHttpHandler Handler(ControllerId member, string address) => new()
    {
        // A controller that stands still, or that no packet reaches, is found out before its lease is over.
        KeepAlivePingDelay = TimeSpan.FromSeconds(2),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(3),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
        ConnectTimeout = ConnectTimeout,
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        SslOptions = new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls13,
            ClientCertificateContext = _certificate.Current(),
            RemoteCertificateValidationCallback = (_, presented, _, _) =>
            {
                PinExpectation expected = new(
                    keys.Network, keys.Epoch, [.. system.Queries.View.Controllers.Values.Where(one => one.Withdrawn).Select(one => one.Id)]);
                return presented is X509Certificate2 certificate
                    && CertificatePin.VerifyController(certificate, keys.RootHash, clock.Now, out var pinned, expected) == PinRefusal.None
                    && pinned!.Delegation.Controller == member;
            },
        },
        ConnectCallback = (_, cancellationToken) => ControllerDial.ConnectAsync(address, cancellationToken),
    };

    sealed class Dialler(CancellationToken closing)
    {
        readonly CancellationTokenSource _over = CancellationTokenSource.CreateLinkedTokenSource(closing);
        volatile string[] _addresses = [];

        public string[] Addresses { get => _addresses; set => _addresses = value; }

        public CancellationToken Over => _over.Token;

        public Task Running { get; set; } = Task.CompletedTask;

        public void Stop() => _over.Cancel();
    }

    /// <summary>Is the body of a request that is written while it is open.</summary>
    sealed class UpContent(PipeReader source) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            // The head goes out before there is anything to say.
            await stream.FlushAsync(cancellationToken);
            while (true)
            {
                var read = await source.ReadAsync(cancellationToken);
                foreach (var part in read.Buffer)
                    await stream.WriteAsync(part, cancellationToken);
                await stream.FlushAsync(cancellationToken);
                source.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    return;
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
