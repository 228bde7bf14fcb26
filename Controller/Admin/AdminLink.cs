namespace Mesh.Controller.Admin;

/// <summary>Is a way to a controller that admins can ask; connects on the first question. Safe for concurrent use.</summary>
abstract class AdminLink : IDisposable
{
    /// <summary>How long an answer may take: a revocation waits for its peers, an audit list reads the whole journal.</summary>
    protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>The greatest length of an answer, in bytes: nothing an admin asks for is larger than a network's list of nodes.</summary>
    protected const long MaximumReply = 64 << 20;

    /// <summary>Says in an error what was asked.</summary>
    public abstract string Place { get; }

    /// <summary>Sends a request, made anew by <paramref name="request"/> for every attempt; whatever the controller says is an answer.</summary>
    /// <param name="request">Makes the request.</param>
    /// <param name="completion">Whether the answer is to be read whole first.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="CommandException">Nothing answers, or not in time, or nothing that may be believed.</exception>
    public abstract Task<HttpResponseMessage> SendAsync(
        Func<HttpRequestMessage> request, HttpCompletionOption completion, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Finds an error among the causes of another.</summary>
    protected static T? Cause<T>(Exception? error) where T : Exception
    {
        for (; error is not null; error = error.InnerException)
        {
            if (error is T found)
                return found;
        }
        return null;
    }
}
