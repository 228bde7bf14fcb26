using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Tests.E2E.Lab;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E;

/// <summary>One credential lets in one machine, once, and says why it does not let in another.</summary>
public sealed class CredentialTests(ITestOutputHelper output)
{
    [RequiresRootFact("ip")]
    public Task Of_fifty_at_once_exactly_one_gets_in() => MeshLab.RunAsync("mef", output, [], async lab =>
    {
        const int Machines = 50;
        var rounds = Lengths.Of(3, 20);
        var (machine, _) = lab.AddStranger();
        HashSet<string> names = [], addresses = [];
        var watch = Stopwatch.StartNew();
        for (var round = 1; round <= rounds; round++)
        {
            Assert.True(CredentialString.TryParse(lab.Controller.CreateCredential(), out var credential));
            var nodes = Enumerable.Range(0, Machines).Select(_ => new ApiNode(machine, "twin")).ToList();
            // TLS is up before the race begins, so that the requests themselves meet.
            var clients = nodes.Select(node => node.Connect(credential)).ToList();
            await Task.WhenAll(clients.Select(client => client.GetAsync("/")));
            var results = await Task.WhenAll(nodes.Zip(clients).Select(pair => Task.Run(() => pair.First.EnrollAsync(credential, pair.Second))));
            var winner = Assert.Single(nodes, node => node.Welcome is not null);
            var refusals = results.OfType<Problem>().ToList();
            Assert.Equal(Machines - 1, refusals.Count);
            Assert.All(refusals, refusal => Assert.Equal(RefusalCodes.Used, refusal.Code));
            Assert.All(refusals, refusal => Assert.Matches("(?i)used", refusal.Title));
            Assert.True(names.Add(winner.Welcome!.Name), $"the name {winner.Welcome.Name} was given twice");
            Assert.All(winner.Body.Self.Addresses, address => Assert.True(addresses.Add(address), $"the address {address} was given twice"));
            clients.ForEach(client => client.Dispose());
            nodes.ForEach(node => node.Dispose());
        }
        Assert.Equal(Enumerable.Range(0, rounds).Select(i => i == 0 ? "twin" : $"twin-{i}").Order(), names.Order());
        output.Print("credentials", $"{Machines} enrollments at once, {rounds} rounds: 1 success and {Machines - 1} times '{RefusalCodes.Used}' in each, {watch.Elapsed.TotalSeconds / rounds:0.00} s a round");
    });

    [RequiresRootFact("ip")]
    public Task Every_refusal_has_its_line_and_its_exit_code() => MeshLab.RunAsync("mee", output, ["ada", "ben"], async lab =>
    {
        var (ada, ben) = (lab["ada"], lab["ben"]);
        List<string> lines = [];
        void Refused(string what, int code, string pattern, ProcessResult result)
        {
            Assert.True(result.ExitCode == code, $"{what}: {result}");
            var line = Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
            Assert.Matches("(?i)" + pattern, line);
            Assert.Empty(result.Output);
            Assert.DoesNotContain(line, lines);
            lines.Add(line);
            output.Print("credentials", $"{what}: exit {code}: {line}");
        }

        var used = lab.Controller.CreateCredential();
        (await ada.UpAsync(used)).MustExit();
        await ada.AttachedAsync();
        Refused("used", 77, "used", await ben.UpAsync(used));

        var revoked = lab.Controller.CreateCredential();
        lab.Controller.Run("credential", "revoke", Id(revoked)).MustExit();
        Refused("revoked", 77, "revoked", await ben.UpAsync(revoked));

        var expired = lab.Controller.CreateCredential("alice", "--ttl", "1s");
        await Task.Delay(TimeSpan.FromSeconds(1.2));
        Refused("expired", 77, "expired", await ben.UpAsync(expired));

        Assert.True(CredentialString.TryParse(revoked, out var known));
        var unknown = CredentialString.Create(CredentialId.From(EntityId.Create(new Randomness())), new byte[32], known.RootHash, known.Controllers).Export();
        Refused("unknown", 77, "(unknown|no such|not know)", await ben.UpAsync(unknown));
        // A wrong secret must not tell that the credential exists.
        var wrong = await ben.UpAsync(CredentialString.Create(known.Id, new byte[32], known.RootHash, known.Controllers).Export());
        Assert.Equal((77, lines[^1]), (wrong.ExitCode, wrong.Error.TrimEnd('\n')));

        Refused("malformed", 64, "credential", await ben.UpAsync(known.Export()[..^3]));
        Assert.Equal(64, (await ben.UpAsync("")).ExitCode);
        Assert.NotEqual(0, ben.Mesh("up", "--auth-key", "file:/nowhere/at/all").ExitCode);
        Assert.Equal(1, ben.Mesh("status").ExitCode);

        // The credential of another network, and one whose root does not match what answers.
        var foreign = CredentialString.Create(known.Id, known.Secret, new Digest256(new byte[32]), known.Controllers).Export();
        Refused("foreign root", 77, "network", await ben.UpAsync(foreign));
        var nobody = CredentialString.Create(known.Id, known.Secret, known.RootHash, ["10.98.1.250:8443"]).Export();
        Refused("no controller", 69, "(unreachable|reach|answer)", await ben.UpAsync(nobody, "--timeout", "3s"));

        // After many wrong guesses from this machine its attempts are put off; another machine's are not.
        using ApiNode guesser = new(ben.Ns, "guesser");
        Problem? last = null;
        for (var i = 0; i < 40 && last?.Code != RefusalCodes.Limited; i++)
            last = await guesser.EnrollAsync(CredentialString.Create(CredentialId.From(EntityId.Create(new Randomness())), Guess(i), known.RootHash, known.Controllers));
        Assert.Equal(RefusalCodes.Limited, last?.Code);
        Assert.InRange(last!.RetryAfterSeconds ?? 0, 1, 900);
        Refused("limited", 75, "(too many|limited|try again)", await ben.UpAsync(lab.Controller.CreateCredential(), "--timeout", "5s"));

        var audit = Audit(lab);
        foreach (var (text, kinds) in new[] { (used, new[] { "created", "used" }), (expired, ["created", "expired"]), (revoked, ["created", "revoked"]) })
        {
            foreach (var kind in kinds)
            {
                // Expiry is an event that a sweep writes; the others are there when their command returns.
                await Eventually.TrueAsync($"the audit list shows credential.{kind} of {Id(text)}", TimeSpan.FromSeconds(kind == "expired" ? 70 : 1),
                    () => Audit(lab).Any(entry => entry.Kind == $"credential.{kind}" && entry.Subject.Contains(Id(text), StringComparison.Ordinal)
                        && entry.By.Length > 0 && DateTimeOffset.UtcNow - entry.At < TimeSpan.FromMinutes(5)));
            }
        }
        SecretsAreNowhere(lab);
    });

    [RequiresRootFact("ip")]
    public Task Guessing_is_limited_and_locks_nobody_else_out() => MeshLab.RunAsync("meg", output, [], async lab =>
    {
        const int guesses = 10_000;
        var (attacker, _) = lab.AddStranger();
        var (owner, _) = lab.AddStranger();
        Assert.True(CredentialString.TryParse(lab.Controller.CreateCredential(), out var credential));
        var memory = lab.Controller.Server.Process.ResidentBytes;
        using ApiNode guesser = new(attacker, "mallory");
        using var client = guesser.Connect(credential);
        Dictionary<string, int> answers = [];
        var watch = Stopwatch.StartNew();
        await Parallel.ForAsync(0, guesses, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
        {
            var refusal = await guesser.EnrollAsync(CredentialString.Create(credential.Id, Guess(i), credential.RootHash, credential.Controllers), client);
            lock (answers)
                answers[refusal!.Code] = answers.GetValueOrDefault(refusal.Code) + 1;
        });
        var seconds = watch.Elapsed.TotalSeconds;
        output.Print("credentials", $"{guesses} guesses in {seconds:0} s: {string.Join(", ", answers.Select(pair => $"{pair.Value} {pair.Key}"))}; "
            + $"controller {memory >> 20} -> {lab.Controller.Server.Process.ResidentBytes >> 20} MiB");
        // A burst of ten per credential, and what was under way when the limit was met.
        Assert.True(answers[RefusalCodes.Unknown] <= 10 + 16 + seconds, $"{answers[RefusalCodes.Unknown]} guesses were looked at");
        Assert.Equal(guesses, answers[RefusalCodes.Unknown] + answers[RefusalCodes.Limited]);

        using ApiNode rightful = new(owner, "rightful");
        Assert.Null(await rightful.EnrollAsync(credential));
    });

    static string Id(string text) => CredentialString.TryParse(text, out var credential) ? credential.Id.ToString() : throw new ArgumentException("no credential");

    static byte[] Guess(int i)
    {
        var secret = new byte[32];
        BitConverter.TryWriteBytes(secret, i + 1);
        return secret;
    }

    static List<AuditLine> Audit(MeshLab lab) => AuditLine.Parse(lab.Controller.Run("audit", "list", "--json").MustExit().Output);

    static void SecretsAreNowhere(MeshLab lab)
    {
        var files = Directory.EnumerateFiles(lab.Folder, "*", SearchOption.AllDirectories).Where(file => new FileInfo(file).Length > 0).ToList();
        var printed = lab.Output + string.Concat(lab.Commands.Where(command => !command.Command.Contains(" credential create ", StringComparison.Ordinal)));
        foreach (var text in lab.Secrets)
        {
            Assert.True(CredentialString.TryParse(text, out var credential));
            var secret = credential.Secret.ToArray();
            byte[][] forms = [secret, .. new[] { text, Convert.ToBase64String(secret), Convert.ToHexString(secret), Convert.ToHexStringLower(secret) }.Select(Encoding.ASCII.GetBytes)];
            foreach (var form in forms)
            {
                Assert.False(printed.Contains(Encoding.Latin1.GetString(form), StringComparison.Ordinal), $"the secret of {credential.Id} was printed");
                Assert.All(files, file => Assert.True(File.ReadAllBytes(file).AsSpan().IndexOf(form) < 0, $"the secret of {credential.Id} is in {file}"));
            }
        }
        Assert.Contains(files, file => file.EndsWith("journal.db", StringComparison.Ordinal));
    }

    sealed class Randomness : Mesh.Protocol.Time.IEntropy
    {
        public void Fill(Span<byte> destination) => System.Security.Cryptography.RandomNumberGenerator.Fill(destination);
    }
}

/// <summary>Is a line of <c>audit list --json</c>.</summary>
sealed record AuditLine(long Ordering, DateTimeOffset At, string By, string Kind, string Subject)
{
    /// <summary>Reads the list, whatever it is wrapped in.</summary>
    public static List<AuditLine> Parse(string json)
    {
        var root = JsonDocument.Parse(json).RootElement;
        var entries = root.ValueKind == JsonValueKind.Array ? root : root.GetProperty("entries");
        return [.. entries.EnumerateArray().Select(entry => new AuditLine(entry.GetProperty("ordering").GetInt64(),
            entry.GetProperty("at").GetDateTimeOffset(), entry.GetProperty("by").GetString()!, entry.GetProperty("kind").GetString()!,
            entry.GetProperty("subject").GetString()!))];
    }
}
