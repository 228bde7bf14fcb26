using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.Tests.E2E.Lab;

namespace Mesh.Tests.E2E.Chaos;

/// <summary>Is one request to one controller: when it was made, when and whether it was answered.</summary>
readonly record struct Call(int Controller, long Sent, long Ended, bool IsDone);

/// <summary>Asks the controllers' admin sockets, and notes what came of it. Safe for concurrent use.</summary>
sealed class AdminCalls : IDisposable
{
    readonly HttpClient[] _clients;
    readonly int[] _underWay;

    /// <param name="controllers">The controllers.</param>
    public AdminCalls(IReadOnlyList<LabController> controllers)
    {
        _clients = [.. controllers.Select(controller => UnixHttp.Client(controller.Socket))];
        _underWay = new int[controllers.Count];
    }

    /// <summary>Gets how often each answer came: <c>done</c>, the code of a refusal, or <c>no answer</c>.</summary>
    public ConcurrentDictionary<string, int> Answers { get; } = new(StringComparer.Ordinal);

    /// <summary>Gets how many requests wait at a controller.</summary>
    public int UnderWay(int controller) => Volatile.Read(ref _underWay[controller]);

    /// <summary>Asks; null where no answer came, or none that is a document.</summary>
    public async Task<JsonNode?> GetAsync(int controller, string path)
    {
        try
        {
            return JsonNode.Parse(await _clients[controller].GetStringAsync(path));
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException or IOException)
        {
            return null;
        }
    }

    /// <summary>Asks for a change; gives the answer where it was done, and null where it was refused or where nobody knows.</summary>
    public async Task<JsonNode?> PostAsync(int controller, string path, JsonNode? body) => (await TryAsync(controller, path, body)).Answer;

    /// <summary>Asks for a change, and tells how long that took.</summary>
    public async Task<(Call Call, JsonNode? Answer)> TryAsync(int controller, string path, JsonNode? body)
    {
        var sent = Stopwatch.GetTimestamp();
        Interlocked.Increment(ref _underWay[controller]);
        var answer = "no answer";
        try
        {
            using var content = new StringContent(body?.ToJsonString() ?? "", Encoding.UTF8, "application/json");
            using var response = await _clients[controller].PostAsync(path, content);
            var document = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
            answer = response.StatusCode == HttpStatusCode.OK ? "done" : (string?)document["code"] ?? ((int)response.StatusCode).ToString();
            return (new Call(controller, sent, Stopwatch.GetTimestamp(), answer == "done"), answer == "done" ? document : null);
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException or IOException)
        {
            return (new Call(controller, sent, Stopwatch.GetTimestamp(), false), null);
        }
        finally
        {
            Interlocked.Decrement(ref _underWay[controller]);
            Answers.AddOrUpdate(answer, 1, static (_, count) => count + 1);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(_clients, client => client.Dispose());
}
